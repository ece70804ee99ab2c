#include "gracedb/auth/token.hpp"
#include "gracedb/errors.hpp"

#include "auth/claims.hpp"
#include "core/duration.hpp"
#include "core/log.hpp"
#include "core/mutex.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

namespace gracedb::auth {
namespace {

using TimePoint = std::chrono::system_clock::time_point;
using std::chrono::seconds;

constexpr log::Logger logger{"gracedb.auth"};

// Collects log lines and writes them in its destructor. Declare it before the lock: a log sink may call the
// manager, so lines are written after the lock is released.
class DeferredLog {
 public:
  DeferredLog() = default;
  DeferredLog(const DeferredLog&) = delete;
  DeferredLog& operator=(const DeferredLog&) = delete;
  ~DeferredLog() {
    for (const auto& [level, text] : lines_) {
      log::write(level, logger.name, "{}", text);
    }
  }

  void add(LogLevel level, std::string text) { lines_.emplace_back(level, std::move(text)); }

 private:
  std::vector<std::pair<LogLevel, std::string>> lines_;
};

std::string principal_of(const Claims& claims) {
  if (claims.subject && !claims.subject->empty()) return *claims.subject;
  if (claims.issuer && !claims.issuer->empty()) return *claims.issuer;
  return "unknown";
}

OAuthToken to_oauth_token(const Token& token) {
  return {token.serialized(), expiry_of(token.claims()), principal_of(token.claims())};
}

TokenRequest request_for(std::string_view broker_url, std::string_view scope,
                         const std::optional<std::string>& audience) {
  TokenRequest request;
  request.audiences = audience ? std::vector{*audience} : audiences_of_bootstrap_servers(broker_url);
  request.scope = scope;
  if (request.audiences.empty()) {
    throw std::invalid_argument("no host name in broker URL '" + std::string(broker_url) +
                                "'; use one like kafka-dev.ligo.org:9092");
  }
  return request;
}

seconds checked(seconds refresh_buffer) {
  if (refresh_buffer < seconds::zero()) throw std::invalid_argument("refresh_buffer must not be negative");
  constexpr seconds longest = std::chrono::years(1);
  return std::min(refresh_buffer, longest);
}

}  // namespace

std::string get_scitoken_for_kafka(std::string_view broker_url, std::string_view scope,
                                   const std::optional<std::string>& audience) {
  return require_token(request_for(broker_url, scope, audience)).serialized();
}

OAuthCallback create_oauth_callback(std::string_view broker_url, std::string_view scope,
                                    const std::optional<std::string>& audience) {
  return
      [request = request_for(broker_url, scope, audience)] { return to_oauth_token(require_token(request)); };
}

class SciTokenRefreshManager::State {
 public:
  State(TokenRequest request, seconds refresh_buffer, Environment environment)
      : request_(std::move(request)),
        refresh_buffer_(checked(refresh_buffer)),
        environment_(std::move(environment)) {}

  OAuthToken get();
  bool reload();
  TimePoint next_refresh();

 private:
  using Replaces = bool (State::*)(const Token& found, TimePoint now) const;

  bool run_discovery(TimePoint now, Replaces replaces, DeferredLog& log) REQUIRES(mutex_);
  void adopt(Token token, const std::string& source, TimePoint now, DeferredLog& log) REQUIRES(mutex_);
  void warn_if_not_renewed(bool found_any, TimePoint now, DeferredLog& log) REQUIRES(mutex_);
  [[noreturn]] void fail(Discovery discovery) const REQUIRES(mutex_);

  bool renews(const Token& found, TimePoint now) const REQUIRES(mutex_);
  bool differs(const Token& found, TimePoint now) const REQUIRES(mutex_);
  bool is_due(TimePoint now) const REQUIRES(mutex_);
  bool is_usable(TimePoint now) const REQUIRES(mutex_) {
    return current_ && expiry_of(current_->claims()) > now;
  }
  TimePoint refresh_start() const REQUIRES(mutex_) { return expiry_of(current_->claims()) - refresh_buffer_; }

  const TokenRequest request_;
  const seconds refresh_buffer_;
  const Environment environment_;

  // The only lock of this file; held during discovery, never while logging.
  Mutex mutex_;
  std::optional<Token> current_ GUARDED_BY(mutex_);
  TimePoint next_discovery_ GUARDED_BY(mutex_);
  TimePoint warn_from_ GUARDED_BY(mutex_);
  bool has_warned_ GUARDED_BY(mutex_) = false;
};

OAuthToken SciTokenRefreshManager::State::get() {
  DeferredLog log;
  const MutexLock lock(mutex_);
  const TimePoint now = environment_.now();
  if (is_due(now)) run_discovery(now, &State::renews, log);
  return to_oauth_token(*current_);
}

bool SciTokenRefreshManager::State::reload() {
  DeferredLog log;
  const MutexLock lock(mutex_);
  return run_discovery(environment_.now(), &State::differs, log);
}

TimePoint SciTokenRefreshManager::State::next_refresh() {
  const MutexLock lock(mutex_);
  return std::max(current_ ? refresh_start() : environment_.now(), next_discovery_);
}

bool SciTokenRefreshManager::State::is_due(TimePoint now) const {
  if (!is_usable(now)) return true;
  return now >= refresh_start() && now >= next_discovery_;
}

// Returns true if the current token was replaced.
// Throws KafkaTokenError if there is no usable token afterwards.
bool SciTokenRefreshManager::State::run_discovery(TimePoint now, Replaces replaces, DeferredLog& log) {
  Discovery discovery = discover_token(request_, environment_);
  const bool replace = discovery.token && (this->*replaces)(*discovery.token, now);
  if (replace) {
    adopt(std::move(*discovery.token), discovery.source, now, log);
  } else if (is_usable(now)) {
    warn_if_not_renewed(discovery.token.has_value(), now, log);
  }
  const auto left = is_usable(now) ? expiry_of(current_->claims()) - now : TimePoint::duration::zero();
  next_discovery_ = now + std::clamp<TimePoint::duration>(left / 4, seconds(1), seconds(5));
  if (!is_usable(now)) fail(std::move(discovery));
  return replace;
}

void SciTokenRefreshManager::State::adopt(Token token, const std::string& source, TimePoint now,
                                          DeferredLog& log) {
  const char* verb = current_ ? "newer token found" : "token found";
  current_ = std::move(token);
  has_warned_ = false;
  const TimePoint expires = expiry_of(current_->claims());
  warn_from_ = expires - std::min<TimePoint::duration>(refresh_buffer_, expires - now) / 2;
  log.add(LogLevel::info, fmt::format("{} in {}, valid until {}", verb, source, format_utc(expires)));
}

// If discovery finds the same token again, it may still be replaced in time: warn only after half of the
// refresh buffer has passed.
void SciTokenRefreshManager::State::warn_if_not_renewed(bool found_any, TimePoint now, DeferredLog& log) {
  if (has_warned_ || now < refresh_start() || (found_any && now < warn_from_)) return;
  has_warned_ = true;
  log.add(LogLevel::warning,
          fmt::format("no newer token found; the current one is used until it expires at {}. {}",
                      format_utc(expiry_of(current_->claims())), token_hint));
}

void SciTokenRefreshManager::State::fail(Discovery discovery) const {
  if (current_) {
    discovery.places.push_back(
        {"the previous token", "expired at " + format_utc(expiry_of(current_->claims()))});
  }
  throw KafkaTokenError(describe_failure(request_, discovery));
}

// A token that matches the request less well never replaces a valid one.
bool SciTokenRefreshManager::State::renews(const Token& found, TimePoint now) const {
  if (!is_usable(now)) return true;
  return found.serialized() != current_->serialized() &&
         expiry_of(found.claims()) > expiry_of(current_->claims()) &&
         suitability_of(found.claims(), request_) <= suitability_of(current_->claims(), request_);
}

// reload() also accepts a token that expires sooner: the server may have rejected the current one, and the
// user replaced it.
bool SciTokenRefreshManager::State::differs(const Token& found, TimePoint now) const {
  if (!is_usable(now)) return true;
  return found.serialized() != current_->serialized() &&
         (lives_long_enough(found.claims(), request_, now) || renews(found, now));
}

SciTokenRefreshManager::SciTokenRefreshManager(std::string_view broker_url, std::string_view scope,
                                               const std::optional<std::string>& audience,
                                               seconds refresh_buffer)
    : SciTokenRefreshManager(request_for(broker_url, scope, audience), refresh_buffer) {}

SciTokenRefreshManager::SciTokenRefreshManager(TokenRequest request, seconds refresh_buffer,
                                               Environment environment)
    : state_(std::make_shared<State>(std::move(request), refresh_buffer, std::move(environment))) {}

std::string SciTokenRefreshManager::get_token() { return state_->get().token; }

OAuthToken SciTokenRefreshManager::get() { return state_->get(); }

bool SciTokenRefreshManager::reload() { return state_->reload(); }

TimePoint SciTokenRefreshManager::next_refresh() { return state_->next_refresh(); }

OAuthCallback SciTokenRefreshManager::create_callback() {
  return [state = state_] { return state->get(); };
}

}  // namespace gracedb::auth

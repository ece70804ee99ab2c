#include "gracedb/auth/token.hpp"
#include "gracedb/errors.hpp"

#include "auth/lifetime.hpp"
#include "auth/suitability.hpp"
#include "core/duration.hpp"
#include "core/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

namespace gracedb::auth {
namespace {

using TimePoint = std::chrono::system_clock::time_point;
using std::chrono::seconds;

constexpr log::Logger logger{"gracedb.auth"};

/// Lines to be written when a lock is no longer held, since a log sink may use the manager, too.
/// To be declared before the lock.
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
                                "'; give one like kafka-dev.ligo.org:9092");
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

  bool look(TimePoint now, Replaces replaces, DeferredLog& log);
  void adopt(Token token, const std::string& source, TimePoint now, DeferredLog& log);
  void keep(bool found_any, TimePoint now, DeferredLog& log);
  [[noreturn]] void fail(Discovery discovery) const;

  bool renews(const Token& found, TimePoint now) const;
  bool differs(const Token& found, TimePoint now) const;
  bool is_usable(TimePoint now) const { return current_ && expiry_of(current_->claims()) > now; }
  bool is_due(TimePoint now) const;
  TimePoint start_of_renewal() const { return expiry_of(current_->claims()) - refresh_buffer_; }

  const TokenRequest request_;
  const seconds refresh_buffer_;
  const Environment environment_;

  std::mutex mutex_;
  std::optional<Token> current_;
  TimePoint next_look_;
  TimePoint warn_from_;
  bool has_warned_ = false;
};

OAuthToken SciTokenRefreshManager::State::get() {
  DeferredLog log;
  const std::lock_guard lock(mutex_);
  const TimePoint now = environment_.now();
  if (is_due(now)) look(now, &State::renews, log);
  return to_oauth_token(*current_);
}

bool SciTokenRefreshManager::State::reload() {
  DeferredLog log;
  const std::lock_guard lock(mutex_);
  return look(environment_.now(), &State::differs, log);
}

TimePoint SciTokenRefreshManager::State::next_refresh() {
  const std::lock_guard lock(mutex_);
  return std::max(current_ ? start_of_renewal() : environment_.now(), next_look_);
}

bool SciTokenRefreshManager::State::is_due(TimePoint now) const {
  if (!is_usable(now)) return true;
  return now >= start_of_renewal() && now >= next_look_;
}

/// Looks at every place again; true if the current token was replaced.
/// @throws KafkaTokenError  no current token is left
bool SciTokenRefreshManager::State::look(TimePoint now, Replaces replaces, DeferredLog& log) {
  Discovery discovery = discover_token(request_, environment_);
  const bool replace = discovery.token && (this->*replaces)(*discovery.token, now);
  if (replace) {
    adopt(std::move(*discovery.token), discovery.source, now, log);
  } else if (is_usable(now)) {
    keep(discovery.token.has_value(), now, log);
  }
  const auto left = is_usable(now) ? expiry_of(current_->claims()) - now : TimePoint::duration::zero();
  next_look_ = now + std::clamp<TimePoint::duration>(left / 4, seconds(1), seconds(5));
  if (!is_usable(now)) fail(std::move(discovery));
  return replace;
}

void SciTokenRefreshManager::State::adopt(Token token, const std::string& source, TimePoint now,
                                          DeferredLog& log) {
  const char* verb = current_ ? "renewed" : "found";
  current_ = std::move(token);
  has_warned_ = false;
  const TimePoint expires = expiry_of(current_->claims());
  warn_from_ = expires - std::min<TimePoint::duration>(refresh_buffer_, expires - now) / 2;
  log.add(LogLevel::info, fmt::format("token {} in {}, valid until {}", verb, source, format_utc(expires)));
}

/// A token that is found unchanged may yet be renewed in time: that is worth a warning only when half of the
/// time for it has gone.
void SciTokenRefreshManager::State::keep(bool found_any, TimePoint now, DeferredLog& log) {
  if (has_warned_ || now < start_of_renewal() || (found_any && now < warn_from_)) return;
  has_warned_ = true;
  log.add(LogLevel::warning,
          fmt::format(
              "no newer token found; the current one is used until it expires at {}. Obtain a fresh token "
              "with: htgettoken -a vault.ligo.org -i igwn",
              format_utc(expiry_of(current_->claims()))));
}

void SciTokenRefreshManager::State::fail(Discovery discovery) const {
  if (current_) {
    discovery.places.push_back(
        {"the token in use until now", "expired at " + format_utc(expiry_of(current_->claims()))});
  }
  throw KafkaTokenError(describe_failure(request_, discovery));
}

/// A token that suits less never displaces one that still works.
bool SciTokenRefreshManager::State::renews(const Token& found, TimePoint now) const {
  if (!is_usable(now)) return true;
  return found.serialized() != current_->serialized() &&
         expiry_of(found.claims()) > expiry_of(current_->claims()) &&
         suitability_of(found.claims(), request_) <= suitability_of(current_->claims(), request_);
}

/// On demand also a token that ends sooner is taken: the current one may have been refused and replaced by
/// hand.
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

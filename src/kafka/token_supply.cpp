#include "kafka/token_supply.hpp"

#include "core/duration.hpp"
#include "core/log.hpp"
#include "core/redact.hpp"
#include "kafka/error_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.auth"};

using std::chrono::system_clock;

auth::TokenRequest request_of(const ClientSettings& settings) {
  auth::TokenRequest request;
  request.audiences = settings.token_audience
                          ? std::vector<std::string>{*settings.token_audience}
                          : auth::audiences_of_bootstrap_servers(settings.bootstrap_servers);
  request.scope = settings.token_scope;
  return request;
}

std::int64_t milliseconds_since_epoch(system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

TokenSupply::TokenSupply(const ClientSettings& settings) {
  if (settings.oauth_callback) {
    callback_ = settings.oauth_callback;
  } else if (settings.reload_cred) {
    manager_.emplace(request_of(settings), settings.reload_buffer);
    callback_ = manager_->create_callback();
  } else {
    callback_ = auth::create_oauth_callback(settings.bootstrap_servers, settings.token_scope,
                                            settings.token_audience);
  }
}

void TokenSupply::validate() { static_cast<void>(callback_()); }

void TokenSupply::supply(rd_kafka_t* client) noexcept {
  try {
    const auth::OAuthToken token = callback_();
    const std::lock_guard lock(mutex_);
    give(client, token);
  } catch (const std::exception& fault) {
    rd_kafka_oauthbearer_set_token_failure(client, redact(fault.what()).c_str());
  } catch (...) {
    rd_kafka_oauthbearer_set_token_failure(client,
                                           "the token callback threw something that is no std::exception");
  }
}

bool TokenSupply::renew(rd_kafka_t* client) {
  if (manager_) manager_->reload();
  const auth::OAuthToken token = callback_();
  const std::lock_guard lock(mutex_);
  if (given_ && given_->token == token.token) return false;
  give(client, token);
  return true;
}

bool TokenSupply::has_expired() const {
  const std::lock_guard lock(mutex_);
  return given_ && given_->expires <= system_clock::now();
}

auth::Claims TokenSupply::claims() {
  {
    const std::lock_guard lock(mutex_);
    if (given_) return auth::parse_claims(given_->token);
  }
  return auth::parse_claims(callback_().token);
}

void TokenSupply::give(rd_kafka_t* client, const auth::OAuthToken& token) {
  std::array<char, 512> reason{};
  const auto ask_again = milliseconds_since_epoch(ask_again_at(token));
  const auto code =
      rd_kafka_oauthbearer_set_token(client, token.token.c_str(), ask_again, token.principal.c_str(), nullptr,
                                     0, reason.data(), reason.size());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw KafkaTokenError(
        fmt::format("the token cannot be used: {}. {}", redact(reason.data()), fresh_token_hint), code);
  }
  if (!given_ || given_->token != token.token) {
    logger.debug("logging in as {} with a token that expires at {}", token.principal,
                 format_utc(token.expires));
  }
  given_ = token;
}

system_clock::time_point TokenSupply::ask_again_at(const auth::OAuthToken& token) {
  // librdkafka asks for the next token when 80 % of the lifetime it was told have passed. Told a lifetime of
  // 5/4 of the time to the next renewal, it asks just then; but no later than the token's own end.
  const auto now = system_clock::now();
  if (!manager_) return token.expires;
  const auto until_renewal =
      std::max<system_clock::duration>(manager_->next_refresh() - now, std::chrono::seconds(1));
  return std::min(token.expires, now + until_renewal / 4 * 5);
}

}  // namespace gracedb::kafka

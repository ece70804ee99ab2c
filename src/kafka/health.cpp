#include "kafka/health.hpp"

#include "core/log.hpp"
#include "core/redact.hpp"
#include "kafka/error_text.hpp"

#include <fmt/format.h>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

}  // namespace

void Health::note_error(rd_kafka_resp_err_t code, std::string_view reason, bool has_token_expired) {
  const std::string safe = redact(reason);
  // A broker that lets an expired token in for its clock's leeway drops it at once, without saying why.
  const bool is_refusal = is_authentication_error(code) || (is_connection_error(code) && has_token_expired);
  const std::lock_guard lock(mutex_);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    note_all_down();
  } else {
    last_error_ = safe;
    last_code_ = code;
  }
  if (!is_refusal) return;
  if (refusal_.empty() && !quiet_) logger.error("{}: {}", bootstrap_servers_, safe);
  refusal_ = is_authentication_error(code) ? safe : fmt::format("the token has expired ({})", safe);
  refused_.store(true, std::memory_order_release);
}

void Health::note_all_down() {
  if (last_error_.empty()) {
    last_error_ = "all brokers are down";
    last_code_ = RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
  }
  if (!all_down_.exchange(true) && !quiet_) {
    logger.warning("no broker of {} answers; trying again until one does: {}", bootstrap_servers_,
                   last_error_);
  }
}

void Health::note_return() noexcept {
  if (all_down_.exchange(false) && !quiet_) logger.warning("{} answers again", bootstrap_servers_);
}

void Health::forget_refusal() {
  const std::lock_guard lock(mutex_);
  refusal_.clear();
  refused_.store(false, std::memory_order_release);
}

std::string Health::refusal() const {
  const std::lock_guard lock(mutex_);
  std::string text = fmt::format("{}: authentication failed: {}", bootstrap_servers_, refusal_);
  if (text.find("htgettoken") == std::string::npos) text += fmt::format(". {}", fresh_token_hint);
  return text;
}

std::string Health::last_error() const {
  const std::lock_guard lock(mutex_);
  if (last_error_.empty()) return {};
  const auto hint = hint_for(last_code_);
  return hint.empty() ? last_error_ : fmt::format("{}. {}", last_error_, hint);
}

}  // namespace gracedb::kafka

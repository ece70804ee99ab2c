#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

namespace gracedb::kafka {

/// What the librdkafka clients of one Producer or Consumer have said of their broker and their login.
class Health {
 public:
  explicit Health(std::string bootstrap_servers) : bootstrap_servers_(std::move(bootstrap_servers)) {}
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  /// Something failed; `has_token_expired` says what librdkafka cannot.
  void note_error(rd_kafka_resp_err_t code, std::string_view reason, bool has_token_expired);
  /// Something came from or reached a broker.
  void note_success() noexcept {
    if (all_down_.load(std::memory_order_relaxed)) note_return();
  }
  /// The login works again, or deserves another try.
  void forget_refusal();

  /// True if the broker, or the lack of a token, keeps us out.
  bool is_refused() const noexcept { return refused_.load(std::memory_order_acquire); }
  bool is_all_down() const noexcept { return all_down_.load(std::memory_order_acquire); }

  /// The error to throw while is_refused(): why, and how to get a fresh token.
  std::string refusal() const;
  /// The last error told, with a hint, for the text of a failure that follows from it; may be empty.
  std::string last_error() const;

  /// While it lives, failures are thrown to the caller and need not be logged.
  class Quiet {
   public:
    explicit Quiet(Health& health) : health_(health) { health_.quiet_ = true; }
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;
    ~Quiet() { health_.quiet_ = false; }

   private:
    Health& health_;
  };

 private:
  void note_all_down();
  void note_return() noexcept;

  const std::string bootstrap_servers_;
  std::atomic<bool> refused_{false};
  std::atomic<bool> all_down_{false};
  std::atomic<bool> quiet_{false};
  mutable std::mutex mutex_;
  std::string refusal_;
  std::string last_error_;
  rd_kafka_resp_err_t last_code_ = RD_KAFKA_RESP_ERR_NO_ERROR;
};

}  // namespace gracedb::kafka

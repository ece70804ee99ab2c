#pragma once

#include "gracedb/kafka/producer.hpp"

#include "kafka/client.hpp"
#include "kafka/destination.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

namespace gracedb::kafka {

/// What became of a message, kept beyond its callback.
struct Outcome {
  std::string topic;
  std::int32_t partition = -1;
  std::int64_t offset = RD_KAFKA_OFFSET_INVALID;
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  bool may_have_arrived = false;
};

/// A promise for one message that somebody waits for.
struct Ticket {
  std::atomic<bool> done{false};
  std::atomic<bool> withdrawn{false};
  Outcome outcome;  ///< to be read when done
  std::string topic;
  std::chrono::milliseconds timeout{0};
  std::chrono::steady_clock::time_point deadline;  ///< a message that is taken back after it is not put back
};

/// A message from enqueue() to its delivery report: it owns the bytes that librdkafka sends.
struct Pending {
  std::string value;
  DeliveryCallback on_delivery;
  std::shared_ptr<Ticket> ticket;
};

/// The messages between produce() and their delivery reports: what is queued, waited for, withdrawn,
/// reported.
///
/// librdkafka's callbacks only collect reports; one thread at a time (the server) collects them and runs the
/// callers' callbacks, outside of any C frame, while other waiting threads sleep until it has news for them.
class Outbox {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// @throws as Client
  Outbox(ClientSettings settings, ConfHandle config, Health& health,
         std::chrono::milliseconds queue_full_timeout);
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// The present client; withdrawing replaces it.
  std::shared_ptr<Client> client() const;
  /// Puts a new client in place of one that has met a fatal error.
  void replace_if_fatal();

  /// Hands a message to librdkafka; waits for room in its queue for at most queue_full_timeout.
  /// @throws KafkaProducerError  no room, too large, closed
  void enqueue(const Destination& destination, std::unique_ptr<Pending> pending);

  /// Collects reports and runs their callbacks until `done()` or `deadline`; gives done().
  /// @throws KafkaProducerError  called from a delivery callback, or closed
  bool serve_until(Deadline deadline, const std::function<bool()>& done);

  /// Collects what is there without waiting, unless another thread does so already; then looks whether the
  /// client can work.
  /// @throws as Client::require_health()
  void serve_now();

  /// Takes the ticket's message back, whether it waits in the queue or for the broker's answer, and puts the
  /// others back in their order. librdkafka cannot let go of one message of many, nor of a numbered one
  /// without losing count: so the whole client is given up and the others begin anew in another.
  void withdraw(const std::shared_ptr<Ticket>& ticket);

  /// Fails what is left, runs the callbacks, and refuses everything from here on.
  /// @return how many messages were given up
  std::size_t close();

  std::size_t pending() const noexcept { return pending_.load(std::memory_order_acquire); }
  bool is_closed() const noexcept { return closed_.load(std::memory_order_acquire); }
  std::size_t served() const noexcept { return served_.load(std::memory_order_relaxed); }

  /// Failures since the last call, and the text of the last one.
  struct Failures {
    std::size_t count = 0;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::string text;
    bool may_have_arrived = false;
  };
  Failures take_failures();

  /// The first exception thrown by a callback since the last call is thrown again.
  void rethrow_callback_failure();

 private:
  class Turn;
  struct Report {
    std::unique_ptr<Pending> pending;
    Outcome outcome;
    std::string key;
  };
  struct Recalled {
    std::unique_ptr<Pending> pending;
    Destination destination;
  };

  static void on_report(const rd_kafka_message_t* message, void* owner) noexcept;
  void collect(const rd_kafka_message_t& message, std::unique_ptr<Pending> pending);
  void note_failure(const Pending& pending, const Outcome& outcome);
  bool needs_attention();
  rd_kafka_resp_err_t hand_over(const Destination& destination, Pending& pending);
  rd_kafka_resp_err_t produce(const Destination& destination, Pending& pending);
  void poll_and_report(std::chrono::milliseconds timeout);
  void run_callbacks();
  void recall_all();
  void put_back();
  void replace_client();

  const ClientSettings settings_;
  const ConfHandle config_;  ///< each client gets a copy
  Health& health_;
  const std::chrono::milliseconds queue_full_timeout_;
  std::atomic<std::size_t> pending_{0};
  std::atomic<std::size_t> served_{0};
  std::atomic<bool> closed_{false};

  std::shared_mutex gate_;  ///< shared while handing over a message; exclusive while the queue is rearranged

  std::mutex turn_;  ///< guards the three below
  std::condition_variable turn_changed_;
  std::optional<std::thread::id> server_;
  int queued_for_turn_ = 0;  ///< who must have the next turn; those who merely wait for reports stand back

  // Touched by the serving thread alone:
  std::vector<Report> reports_;
  std::vector<Recalled> recalled_;
  bool recalling_ = false;

  std::mutex failures_mutex_;
  Failures failures_;
  std::exception_ptr callback_failure_;
  std::atomic<bool> has_callback_failure_{false};

  mutable std::mutex client_mutex_;
  std::shared_ptr<Client> client_;  // last: reports to everything above until it is destroyed
};

/// The exception for a message that was not delivered.
/// @throws KafkaTopicError, KafkaMessageDeliveryError
[[noreturn]] void throw_not_delivered(const std::string& text, rd_kafka_resp_err_t code,
                                      bool may_have_arrived);

}  // namespace gracedb::kafka

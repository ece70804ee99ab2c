#pragma once

#include "gracedb/kafka/upload_message.hpp"
#include "gracedb/rest/gracedb.hpp"

#include "kafka/delivery.hpp"
#include "rest/api_root.hpp"
#include "rest/event_file.hpp"
#include "rest/session.hpp"

#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace gracedb::rest {

/// What can be said of the options without asking anybody.
/// @throws std::invalid_argument
void check_options(const CreateEventOptions& event);

/// One event on its way: reserved, published, confirmed.
///
/// run() takes all steps. Who has many events under way at once takes them one by one: reservation(),
/// reserved(), begin_delivery(), finish_delivery(), and, where one of the last two throws KafkaError,
/// recover().
class Submission {
 public:
  /// `session` and `root` must outlive it.
  /// @throws std::invalid_argument  an option or the file cannot be used
  Submission(Session& session, const ApiRoot& root, CreateEventOptions event);

  CreatedEvent run() {
    take_all_steps();
    return take();
  }
  void take_all_steps();

  bool goes_by_kafka() const noexcept { return event_.kafka != nullptr; }
  bool needs_reservation() const noexcept { return goes_by_kafka() && event_.gracedb_upload; }
  bool falls_back() const noexcept { return event_.http_fallback; }
  std::size_t file_size() const noexcept { return file_.contents().size(); }

  HttpRequest reservation();
  /// Takes GraceDB's answer to `request`.
  /// @throws HttpError  it holds no graceid
  void reserved(const HttpRequest& request, Response response);
  /// @throws as kafka::PendingDelivery::start()
  void begin_delivery();
  /// @throws as kafka::PendingDelivery::wait()
  void finish_delivery();
  /// What is to be done where Kafka has failed: goes on over HTTP, or throws the failure with the graceid.
  void recover(const std::exception_ptr& kafka_failure);
  /// The event, once it has arrived.
  CreatedEvent take() { return std::move(created_); }

 private:
  using Clock = std::chrono::steady_clock;

  void post();
  bool reserve();
  void publish();
  void publish_or_recover();
  void complete(const KafkaError& failure);

  kafka::UploadMessage message() const;
  void require_room_on_topic() const;
  void warn_of_another_instance() const;

  Session& session_;
  const ApiRoot& root_;
  const CreateEventOptions event_;
  const EventFile file_;
  CreatedEvent created_;
  std::optional<std::string> submitter_;
  Clock::time_point begun_ = Clock::now();  ///< of the reservation, then of the delivery
  std::optional<kafka::PendingDelivery> delivery_;
};

}  // namespace gracedb::rest

#pragma once

#include "gracedb/kafka/producer.hpp"

#include <memory>

namespace gracedb::kafka {

struct DeliveryState;

/// One message between start and result: Producer::deliver() in two steps, for many events at a time.
/// The message is sent whether or not wait() is called.
class PendingDelivery {
 public:
  /// Queues the message.
  /// @throws as Producer::produce()
  static PendingDelivery start(Producer& producer, Payload value, ProduceOptions options);

  /// True if the result is known, so that wait() returns at once.
  bool is_done() const;

  /// Waits for the result.
  /// @throws as Producer::deliver()
  DeliveryReport wait();

 private:
  PendingDelivery(std::shared_ptr<Producer::Impl> producer, std::shared_ptr<DeliveryState> state)
      : producer_(std::move(producer)), state_(std::move(state)) {}

  std::shared_ptr<Producer::Impl> producer_;
  std::shared_ptr<DeliveryState> state_;
};

}  // namespace gracedb::kafka

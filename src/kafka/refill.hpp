#pragma once

#include "kafka/assignment.hpp"
#include "kafka/config.hpp"
#include "kafka/librdkafka.hpp"

#include <cstddef>
#include <cstdint>

namespace gracedb::kafka {

/// Has librdkafka fetch again as soon as its queue of fetched messages has room. Left to itself it looks only
/// now and then whether a full queue has become shorter: every second, by which time a fast reader has long
/// emptied it.
class Refill {
 public:
  /// Says so by a property, where librdkafka has it and the caller has not `given` it.
  static void configure(rd_kafka_conf_t* config, const Properties& given);

  /// All must outlive it.
  Refill(rd_kafka_t* client, rd_kafka_queue_t* queue, const Assignment& assignment);

  /// A message of so many bytes has been taken from the queue.
  void took(std::size_t bytes) noexcept {
    bytes_ += bytes;
    if (++messages_ >= most_messages_ / parts || bytes_ >= most_bytes_ / parts) look();
  }

 private:
  static constexpr std::size_t parts = 8;  ///< of a full queue, after each of which we look

  void look() noexcept;
  void wake() const noexcept;

  rd_kafka_t* client_;
  rd_kafka_queue_t* queue_;
  const Assignment& assignment_;
  std::size_t most_messages_;  ///< at which librdkafka stops fetching
  std::size_t most_bytes_;     ///< likewise
  std::size_t messages_ = 0;   ///< taken since the last look
  std::size_t bytes_ = 0;
  bool was_long_ = false;
};

}  // namespace gracedb::kafka

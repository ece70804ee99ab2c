#pragma once

#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/producer.hpp"

#include "kafka/topic_reader.hpp"
#include "supervisor/dead_letter_store.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace gracedb::supervisor {

/// The letters on a dead-letter topic that nobody has taken away yet. A message cannot be taken out of a
/// topic; so another one behind it, empty and with a header, says that it is done with.
class DeadLetterArchive final : public DeadLetterStore {
 public:
  /// @param pipeline  the topic, without the instance name
  /// @param producer  must outlive the archive
  DeadLetterArchive(const kafka::ConsumerOptions& options, std::string pipeline, kafka::Producer& producer);

  std::string_view kind() const noexcept override { return "topic"; }
  void read(const std::function<void(const DeadLetter&)>& show) override;
  void remove(const DeadLetter& letter) override;

 private:
  using Position = std::pair<std::int32_t, std::int64_t>;

  void find_handled();
  void show_letter(const kafka::Message& message, const std::function<void(const DeadLetter&)>& show);

  std::string pipeline_;
  kafka::Producer& producer_;
  kafka::TopicReader reader_;
  std::set<Position> handled_;
  std::map<std::string, int> seen_;          ///< how many letters of each place
  std::map<std::string, Position> present_;  ///< where the letters lie, by id
};

}  // namespace gracedb::supervisor

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
#include <vector>

namespace gracedb::supervisor {

/// Reads the dead letters on a topic: one entry for all copies of a dead letter. A message cannot be deleted
/// from a topic; remove() appends a marker, an empty message whose headers name the handled copies. A copy
/// that arrives after the marker is handled, too.
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

  void index();
  void show_letter(const kafka::Message& message, const std::function<void(const DeadLetter&)>& show);

  std::string pipeline_;
  kafka::Producer& producer_;
  kafka::TopicReader reader_;
  /// The positions of all copies, by identity.
  std::map<std::string, std::vector<Position>> copies_;
  /// Identities that a marker names.
  std::set<std::string> handled_;
  /// Different messages with one origin, in their order: the topic of the origin was recreated.
  std::map<std::string, std::vector<std::string>> numbers_;
};

}  // namespace gracedb::supervisor

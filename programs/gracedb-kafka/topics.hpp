#pragma once

#include "gracedb/kafka/message.hpp"

#include <string_view>
#include <vector>

namespace gracedb::cli {

/// Selects the topics of an instance.
/// @throws KafkaTopicError  it has none; the message names the instances that have topics
std::vector<kafka::TopicInfo> topics_of_instance(const std::vector<kafka::TopicInfo>& topics,
                                                 std::string_view instance_name);

/// The parts of a topic name, "<instance>.<pipeline>". Both are empty for a name without a dot.
struct TopicParts {
  std::string_view instance;
  std::string_view pipeline;
};
TopicParts parts_of(std::string_view topic);

}  // namespace gracedb::cli

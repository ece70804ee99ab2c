#pragma once

#include "gracedb/kafka/message.hpp"

#include <string_view>
#include <vector>

namespace gracedb::cli {

/// Those of `topics` that belong to the instance.
/// @throws KafkaTopicError  there are none; names the instances that have topics
std::vector<kafka::TopicInfo> topics_of_instance(const std::vector<kafka::TopicInfo>& topics,
                                                 std::string_view instance_name);

/// Adds "instance" and "pipeline" to what a topic's name tells; both empty for a name without a dot.
struct TopicParts {
  std::string_view instance;
  std::string_view pipeline;
};
TopicParts parts_of(std::string_view topic);

}  // namespace gracedb::cli

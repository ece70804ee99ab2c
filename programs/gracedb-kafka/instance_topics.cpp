#include "gracedb-kafka/instance_topics.hpp"

#include "gracedb/errors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

namespace gracedb::cli {

TopicParts parts_of(std::string_view topic) {
  const std::size_t dot = topic.find('.');
  if (dot == std::string_view::npos) return {};
  return {topic.substr(0, dot), topic.substr(dot + 1)};
}

std::vector<kafka::TopicInfo> topics_of_instance(const std::vector<kafka::TopicInfo>& topics,
                                                 std::string_view instance_name) {
  std::vector<kafka::TopicInfo> own;
  std::set<std::string_view> instances;
  for (const kafka::TopicInfo& topic : topics) {
    const TopicParts parts = parts_of(topic.name);
    if (!parts.instance.empty()) instances.insert(parts.instance);
    if (parts.instance == instance_name && !parts.pipeline.empty()) own.push_back(topic);
  }
  if (!own.empty()) return own;
  const std::string others = instances.empty()
                                 ? "the broker shows no topics to this token at all"
                                 : fmt::format("instances that have: {}", fmt::join(instances, ", "));
  throw KafkaTopicError(fmt::format("instance {} has no topics on this broker; {}", instance_name, others));
}

}  // namespace gracedb::cli

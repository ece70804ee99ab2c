#include "gracedb-kafka/topics.hpp"

#include "gracedb/errors.hpp"
#include "gracedb/kafka/producer.hpp"

#include "common/connection.hpp"
#include "core/text.hpp"
#include "gracedb-kafka/commands.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
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
                                 ? "this token may see no topics"
                                 : fmt::format("instances with topics: {}", fmt::join(instances, ", "));
  throw KafkaTopicError(fmt::format("instance {} has no topics on this broker; {}", instance_name, others));
}

namespace {

using programs::Context;
using programs::ExitCode;

constexpr const char* footer = "Lists the topics of the instance that this token may see.";

class Topics {
 public:
  void add_options(programs::Options& options) {
    options.group("Topics");
    options.add({.names = "-a,--all", .target = &all_, .help = "Topics of all instances"});
    options.add({.names = "--timeout",
                 .target = &timeout_,
                 .help = "Time limit [default: 10s]",
                 .value = "DURATION"});
    add_connection_options(options, connection_);
  }

  ExitCode run(Context& context) {
    note_sources(context.options, connection_);
    std::vector<kafka::TopicInfo> topics = list();
    if (!all_) topics = topics_of_instance(topics, require_instance_name(connection_));
    if (context.json) {
      for (const kafka::TopicInfo& topic : topics)
        context.output.line(to_json(topic));
    } else {
      context.output.write(table(topics, context));
    }
    return ExitCode::ok;
  }

 private:
  std::vector<kafka::TopicInfo> list() const {
    programs::ConnectionOptions connection = connection_;
    // No instance is needed for the topics of all instances, but the producer requires a name.
    if (all_ && !connection.instance_name && !connection.service_url) connection.instance_name = "all";
    kafka::ProducerOptions options = producer_options(connection);
    options.guaranteed_delivery = false;  // needs no producer id
    options.check_for_topics = false;
    return kafka::Producer(std::move(options)).list_topics(timeout_);
  }

  static std::string to_json(const kafka::TopicInfo& topic) {
    const TopicParts parts = parts_of(topic.name);
    nlohmann::ordered_json json{{"topic", topic.name},
                                {"instance", parts.instance},
                                {"pipeline", parts.pipeline},
                                {"partitions", topic.partitions}};
    if (!topic.error.empty()) json["error"] = topic.error;
    return json.dump();
  }

  static std::string table(const std::vector<kafka::TopicInfo>& topics, const Context& context) {
    std::size_t topic_width = std::string_view("topic").size();
    std::size_t pipeline_width = std::string_view("pipeline").size();
    for (const kafka::TopicInfo& topic : topics) {
      topic_width = std::max(topic_width, topic.name.size());
      pipeline_width = std::max(pipeline_width, parts_of(topic.name).pipeline.size());
    }
    std::string text;
    if (!context.quiet) {
      text = context.style.bold(fmt::format("{:<{}}  {:<{}}  partitions", "topic", topic_width, "pipeline",
                                            pipeline_width)) +
             "\n";
    }
    for (const kafka::TopicInfo& topic : topics) {
      text += fmt::format("{:<{}}  {:<{}}  {}\n", topic.name, topic_width, parts_of(topic.name).pipeline,
                          pipeline_width,
                          topic.error.empty() ? fmt::format("{:>10}", topic.partitions) : topic.error);
    }
    return text;
  }

  programs::ConnectionOptions connection_;
  bool all_ = false;
  std::chrono::milliseconds timeout_{10'000};
};

}  // namespace

void add_topics(programs::Program& program) {
  const auto topics = std::make_shared<Topics>();
  topics->add_options(program.add_command({.name = "topics",
                                           .description = "List the topics of the instance",
                                           .footer = footer,
                                           .log_level = LogLevel::off},
                                          [topics](Context& context) { return topics->run(context); }));
}

}  // namespace gracedb::cli

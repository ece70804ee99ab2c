#include "supervisor/subscription.hpp"

#include "core/log.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr log::Logger logger{"gracedb.supervisor"};

using std::chrono::seconds;
constexpr seconds look_again{30};
constexpr seconds look_again_for_first{2};
constexpr std::chrono::milliseconds longest_look{1'000};

constexpr std::array<std::string_view, 7> groups = {"burst",    "cbc",        "coherent", "detchar",
                                                    "external", "stochastic", "test"};

}  // namespace

bool is_alert_topic(std::string_view pipeline) {
  if (pipeline == "superevent" || pipeline.ends_with("_superevent")) return true;
  const std::size_t end = pipeline.find('_');
  return end != std::string_view::npos &&
         std::find(groups.begin(), groups.end(), pipeline.substr(0, end)) != groups.end();
}

void Subscription::refresh(kafka::Consumer& consumer, Clock::time_point now) {
  next_look_ = now + look_again_for_first;
  std::vector<std::string> pipelines = wanted(consumer);
  if (pipelines.empty()) {
    if (!std::exchange(told_of_none_, true)) {
      logger.warning("there is no topic of instance {} that our token may read; waiting for one",
                     consumer.instance_name());
    }
    return;
  }
  next_look_ = named_.empty() ? now + look_again : Clock::time_point::max();
  if (pipelines == subscribed_) return;
  consumer.subscribe(pipelines);
  logger.info("group {} reads {}: {}", consumer.group_id(), consumer.instance_name(),
              fmt::join(pipelines, ", "));
  subscribed_ = std::move(pipelines);
}

std::vector<std::string> Subscription::wanted(kafka::Consumer& consumer) const {
  if (!named_.empty()) return named_;
  const std::string prefix = consumer.instance_name() + ".";
  std::vector<std::string> pipelines;
  for (const kafka::TopicInfo& topic : consumer.list_topics(longest_look)) {
    if (!topic.error.empty() || !topic.name.starts_with(prefix)) continue;
    std::string pipeline = topic.name.substr(prefix.size());
    const bool is_wanted = !pipeline.empty() && !is_alert_topic(pipeline) && pipeline != left_out_;
    if (is_wanted) pipelines.push_back(std::move(pipeline));
  }
  return pipelines;
}

}  // namespace gracedb::supervisor

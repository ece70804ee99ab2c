#pragma once

#include "gracedb/kafka/consumer.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::supervisor {

/// True for the topics on which GraceDB itself publishes alerts, should they be on the same broker:
/// "<group>_<pipeline>[_<search>]" and "[<category>_]superevent".
bool is_alert_topic(std::string_view pipeline);

/// The topics to read: those named, or every topic of the instance that carries
/// uploads, also those that appear later.
class Subscription {
 public:
  using Clock = std::chrono::steady_clock;

  /// @param pipelines  none: every topic of the instance
  /// @param left_out   not to be read though it is of the instance
  explicit Subscription(std::vector<std::string> pipelines, std::optional<std::string> left_out = {})
      : named_(std::move(pipelines)), left_out_(std::move(left_out)) {}

  bool is_due(Clock::time_point now) const noexcept { return now >= next_look_; }
  /// Looks which topics there are and subscribes to what has changed.
  /// @throws KafkaError  the broker cannot tell
  void refresh(kafka::Consumer& consumer, Clock::time_point now);

  const std::vector<std::string>& pipelines() const noexcept { return subscribed_; }

 private:
  std::vector<std::string> wanted(kafka::Consumer& consumer) const;

  std::vector<std::string> named_;
  std::optional<std::string> left_out_;
  std::vector<std::string> subscribed_;
  bool told_of_none_ = false;
  Clock::time_point next_look_ = Clock::time_point::min();
};

}  // namespace gracedb::supervisor

#include "gracedb/kafka/consumer.hpp"

#include "core/log.hpp"
#include "kafka/consumer_impl.hpp"

#include <chrono>
#include <exception>
#include <memory>
#include <utility>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

using std::chrono::milliseconds;

/// How long the destructor waits for the group's answer.
constexpr milliseconds destructor_timeout{5'000};

}  // namespace

Consumer::Consumer(ConsumerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Consumer::~Consumer() {
  if (!impl_) return;
  try {
    // An exception on its way out of the caller's loop means that the last message was not processed.
    if (impl_->is_unwinding()) impl_->forget_current();
    impl_->close(destructor_timeout);
  } catch (const std::exception& fault) {
    logger.error("while closing a consumer: {}", fault.what());
  } catch (...) {
    logger.error("while closing a consumer: a callback threw something that is no std::exception");
  }
  if (!impl_->must_stay()) return;
  impl_->finish_leaving();
  static_cast<void>(impl_.release());  // NOLINT(bugprone-unused-return-value): its threads still use it
}

Consumer::Consumer(Consumer&&) noexcept = default;

Consumer& Consumer::operator=(Consumer&& other) noexcept {
  Consumer closing(std::move(*this));
  impl_ = std::move(other.impl_);
  return *this;
}

void Consumer::subscribe(const std::vector<std::string>& topics) { impl_->subscribe(topics); }

std::optional<Message> Consumer::poll(milliseconds timeout) { return impl_->poll(timeout, false); }

std::vector<Message> Consumer::poll_batch(std::size_t most, milliseconds timeout) {
  return impl_->poll_batch(most, timeout);
}

MessageStream Consumer::stream(milliseconds timeout, std::optional<std::size_t> count) {
  return {*this, timeout, count};
}

void Consumer::stop() noexcept { impl_->stop(); }

void Consumer::forget_current() noexcept { impl_->forget_current(); }

void Consumer::commit() { impl_->commit(); }

void Consumer::commit(const Message& message) {
  impl_->commit({TopicPartition{message.topic, message.partition, message.offset + 1}});
}

void Consumer::commit(const std::vector<TopicPartition>& next_offsets) { impl_->commit(next_offsets); }

void Consumer::commit_async(const std::vector<TopicPartition>& next_offsets) {
  impl_->commit_async(next_offsets);
}

std::vector<TopicPartition> Consumer::assignment() const { return impl_->assignment(); }

std::vector<TopicPartition> Consumer::committed(milliseconds timeout) { return impl_->committed(timeout); }

std::vector<TopicPartition> Consumer::find_edges(Edge edge, milliseconds timeout) {
  return impl_->find_edges(edge, timeout);
}

std::vector<TopicPartition> Consumer::known_ends() const { return impl_->known_ends(); }

bool Consumer::at_end() const { return impl_->at_end(); }

void Consumer::pause(const std::vector<TopicPartition>& partitions) { impl_->pause(partitions); }

void Consumer::resume(const std::vector<TopicPartition>& partitions) { impl_->resume(partitions); }

void Consumer::seek(const TopicPartition& position) { impl_->seek(position); }

void Consumer::close(milliseconds timeout) { impl_->close(timeout); }

std::vector<TopicInfo> Consumer::list_topics(milliseconds timeout) { return impl_->list_topics(timeout); }

const std::string& Consumer::group_id() const noexcept { return impl_->group_id(); }

const std::string& Consumer::instance_name() const noexcept { return impl_->instance_name(); }

}  // namespace gracedb::kafka

#include "gracedb/kafka/consumer.hpp"

#include "kafka/consumer_impl.hpp"

#include <memory>
#include <optional>

namespace gracedb::kafka {

struct MessageStream::SignalGuard {
  SignalWatch watch;
};

MessageStream::MessageStream(Consumer& consumer, std::chrono::milliseconds timeout,
                             std::optional<std::size_t> count)
    : consumer_(consumer), timeout_(timeout), left_(count), signals_(std::make_unique<SignalGuard>()) {}

MessageStream::~MessageStream() = default;

MessageStream::Iterator MessageStream::begin() {
  advance();
  return Iterator(this);
}

void MessageStream::advance() {
  current_.reset();
  if (left_ && *left_ == 0) return;
  if (left_) --*left_;
  Consumer::Impl& source = *consumer_.impl_;
  while (!source.at_end()) {
    current_ = source.poll(timeout_, true);
    if (current_ || source.was_interrupted()) return;
  }
}

int MessageStream::ended_by_signal() const noexcept { return SignalWatch::received(); }

}  // namespace gracedb::kafka

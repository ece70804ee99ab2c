#include "gracedb/interruption.hpp"

#include "kafka/group_consumer.hpp"
#include "test_broker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <thread>
#include <variant>
#include <vector>

namespace gracedb::kafka {
namespace {

using namespace std::chrono_literals;
using test_support::eventually;
using test_support::read_messages;
using test_support::TestBroker;
using test_support::unique_name;
using testing::MatchesRegex;
using testing::SizeIs;

/// Publishes messages with a mark that only one test uses; the topics are shared.
void publish(const std::string& mark, int first, int count, const std::string& pipeline = "test") {
  Producer producer(TestBroker::shared().producer_options());
  for (int i = first; i < first + count; ++i)
    producer.produce(mark + std::to_string(i), {.topic = pipeline, .key = "same"});
  ASSERT_EQ(producer.flush(20s), 0U);
}

ConsumerOptions options_for_group(const std::string& group, const std::string& pipeline = "test") {
  ConsumerOptions options = TestBroker::shared().consumer_options({pipeline});
  options.auto_offset_reset = "earliest";
  options.group_id = group;
  return options;
}

bool wait_for_assignment(Consumer& consumer) {
  return eventually([&] {
    consumer.poll(50ms);
    return !consumer.assignment().empty();
  });
}

TEST(Consume, ReadsOnlyNewMessagesByDefault) {
  const std::string mark = unique_name("live ");
  publish(mark, 0, 3);
  Consumer consumer(TestBroker::shared().consumer_options({"test"}));
  ASSERT_TRUE(wait_for_assignment(consumer));
  consumer.poll(500ms);
  publish(mark, 3, 1);
  const auto messages = read_messages(consumer, 1, mark);
  ASSERT_THAT(messages, SizeIs(1));
  EXPECT_EQ(messages.front().value, mark + "3");
}

TEST(Consume, UsesANewGroupForEachConsumerByDefault) {
  const Consumer first(TestBroker::shared().consumer_options({"test"}));
  const Consumer second(TestBroker::shared().consumer_options({"test"}));
  EXPECT_THAT(first.group_id(), MatchesRegex("gracedb-client-[0-9a-f]{8}"));
  EXPECT_NE(first.group_id(), second.group_id());
}

TEST(Consume, ReplaysFromTheEarliestMessage) {
  const std::string mark = unique_name("replay ");
  publish(mark, 0, 5);
  Consumer first(options_for_group(unique_name("replay")));
  EXPECT_THAT(read_messages(first, 5, mark), SizeIs(5));
  Consumer second(options_for_group(unique_name("replay")));
  EXPECT_THAT(read_messages(second, 5, mark), SizeIs(5));
}

TEST(Consume, ResumesAGroupAfterTheLastProcessedMessage) {
  const std::string mark = unique_name("resume ");
  const std::string group = unique_name("resume");
  publish(mark, 0, 6);
  {
    Consumer consumer(options_for_group(group));
    EXPECT_THAT(read_messages(consumer, 3, mark), SizeIs(3));
    consumer.close();
  }
  Consumer consumer(options_for_group(group));
  const auto rest = read_messages(consumer, 3, mark);
  ASSERT_THAT(rest, SizeIs(3));
  EXPECT_EQ(rest.front().value, mark + "3");
}

TEST(Consume, RedeliversAMessageWhoseHandlingThrew) {
  const std::string mark = unique_name("failed ");
  const std::string group = unique_name("failed");
  publish(mark, 0, 3);
  try {
    Consumer consumer(options_for_group(group));
    for (const Message& message : consumer.stream()) {
      if (message.value == mark + "1") throw std::runtime_error("cannot handle it");
    }
    FAIL() << "the message was not seen";
  } catch (const std::runtime_error&) {
  }
  Consumer consumer(options_for_group(group));
  const auto rest = read_messages(consumer, 2, mark);
  ASSERT_THAT(rest, SizeIs(2));
  EXPECT_EQ(rest.front().value, mark + "1");
}

/// A new group that reads only messages published later. Each test of batches uses another pipeline, so that
/// a batch holds no messages of other tests.
ConsumerOptions options_from_now_on(const std::string& group, const std::string& pipeline) {
  ConsumerOptions options = options_for_group(group, pipeline);
  const auto now = std::chrono::system_clock::now();
  eventually([&] { return std::chrono::system_clock::now() > now + 5ms; });  // timestamps have milliseconds
  options.start_time = std::chrono::system_clock::now();
  return options;
}

std::vector<Message> read_batch(Consumer& consumer, std::size_t most) {
  std::vector<Message> batch;
  eventually([&] {
    batch = consumer.poll_batch(most, 5s);
    return !batch.empty();
  });
  return batch;
}

TEST(Consume, CountsABatchAsProcessedTogether) {
  const std::string mark = unique_name("batch ");
  const std::string group = unique_name("batch");
  {
    Consumer consumer(options_from_now_on(group, "mly"));
    publish(mark, 0, 6, "mly");
    const auto batch = read_batch(consumer, 4);
    ASSERT_THAT(batch, SizeIs(4));
    EXPECT_EQ(batch.front().value, mark + "0");
    EXPECT_EQ(batch.back().value, mark + "3");
  }
  Consumer consumer(options_for_group(group, "mly"));
  const auto rest = read_messages(consumer, 2, mark);
  ASSERT_THAT(rest, SizeIs(2));
  EXPECT_EQ(rest.front().value, mark + "4");
}

TEST(Consume, RedeliversAForgottenBatch) {
  const std::string mark = unique_name("forgotten ");
  const std::string group = unique_name("forgotten");
  {
    Consumer consumer(options_from_now_on(group, "olib"));
    publish(mark, 0, 6, "olib");
    ASSERT_THAT(read_batch(consumer, 2), SizeIs(2));
    ASSERT_THAT(read_batch(consumer, 2), SizeIs(2));
    consumer.forget_current();
  }
  Consumer consumer(options_for_group(group, "olib"));
  const auto rest = read_messages(consumer, 4, mark);
  ASSERT_THAT(rest, SizeIs(4));
  EXPECT_EQ(rest.front().value, mark + "2");
}

TEST(Consume, KeepsTheMessagesOfAnInterruptedBatch) {
  struct Stop : std::exception {};
  const std::string mark = unique_name("interrupted ");
  Consumer consumer(options_from_now_on(unique_name("interrupted"), "pygrb"));
  publish(mark, 0, 2, "pygrb");
  {
    const Interruptible interruptible([&] {
      if (!consumer.assignment().empty()) throw Stop();
    });
    EXPECT_THROW(consumer.poll_batch(100, 20s), Stop);
  }
  const auto messages = read_messages(consumer, 2, mark);
  ASSERT_THAT(messages, SizeIs(2));
  EXPECT_EQ(messages.front().value, mark + "0");
}

TEST(Consume, CommitsOnlyOnRequestWithoutAutoCommit) {
  const std::string mark = unique_name("manual ");
  const std::string group = unique_name("manual");
  publish(mark, 0, 5);
  ConsumerOptions options = options_for_group(group);
  options.kafka_config = {{"enable.auto.commit", "false"}};
  {
    Consumer consumer(options);
    const auto messages = read_messages(consumer, 4, mark);
    ASSERT_THAT(messages, SizeIs(4));
    consumer.commit(messages[1]);
  }
  {
    Consumer consumer(options);
    const auto rest = read_messages(consumer, 3, mark);
    ASSERT_THAT(rest, SizeIs(3));
    EXPECT_EQ(rest.front().value, mark + "2");
    consumer.commit();
  }
  publish(mark, 5, 1);
  Consumer consumer(options);
  const auto rest = read_messages(consumer, 1, mark);
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_EQ(rest.front().value, mark + "5");
}

TEST(Consume, StartsAtAStartTime) {
  const std::string mark = unique_name("timed ");
  publish(mark, 0, 2);
  const auto published = std::chrono::system_clock::now();
  eventually(
      [&] { return std::chrono::system_clock::now() > published + 5ms; });  // timestamps have milliseconds
  ConsumerOptions options = options_for_group(unique_name("timed"));
  options.start_time = std::chrono::system_clock::now();
  publish(mark, 2, 2);
  Consumer consumer(options);
  const auto messages = read_messages(consumer, 2, mark);
  ASSERT_THAT(messages, SizeIs(2));
  EXPECT_EQ(messages.front().value, mark + "2");
}

TEST(Consume, DetectsTheEndOfItsPartitions) {
  const std::string mark = unique_name("end ");
  publish(mark, 0, 4);
  ConsumerOptions options = options_for_group(unique_name("end"));
  options.track_end = true;
  Consumer consumer(options);
  int seen = 0;
  for (const Message& message : consumer.stream())
    seen += message.value.starts_with(mark) ? 1 : 0;
  EXPECT_EQ(seen, 4);
  EXPECT_TRUE(consumer.at_end());
}

TEST(Consume, DecodesJsonTextAndBytes) {
  Producer producer(TestBroker::shared().producer_options());
  const std::string mark = unique_name("decode");
  producer.deliver(nlohmann::json{{"mark", mark}}, {.key = mark});
  producer.deliver("no {json", {.key = mark});
  producer.deliver(std::string("\xff\xfe\x00", 3), {.key = mark});
  Consumer consumer(options_for_group(unique_name("decode")));
  std::vector<Message> messages;
  eventually([&] {
    if (auto message = consumer.poll(100ms); message && message->key == mark) messages.push_back(*message);
    return messages.size() == 3;
  });
  ASSERT_THAT(messages, SizeIs(3));
  EXPECT_EQ(std::get<nlohmann::json>(messages[0].decoded()).at("mark"), mark);
  EXPECT_EQ(std::get<std::string>(messages[1].decoded()), "no {json");
  EXPECT_THROW(messages[1].json(), std::invalid_argument);
  EXPECT_THAT(std::get<std::vector<std::byte>>(messages[2].decoded()), SizeIs(3));
}

TEST(Consume, SharesThePartitionsWithinAGroup) {
  const std::string group = unique_name("shared");
  Consumer first(options_for_group(group));
  Consumer second(options_for_group(group));
  EXPECT_TRUE(eventually([&] {
    first.poll(20ms);
    second.poll(20ms);
    return first.assignment().size() + second.assignment().size() == 1;
  }));
  second.close(1s);  // the group waits for the first member, which this thread does not poll meanwhile
}

TEST(Consume, ReadsAPausedPartitionAfterItIsRevokedAndAssignedAgain) {
  GroupConsumer consumer(options_for_group(unique_name("paused")), nullptr);
  ASSERT_TRUE(wait_for_assignment(consumer));
  consumer.pause(consumer.assignment());
  const auto go_to = [&](const std::string& topic) {
    consumer.subscribe({topic});
    return eventually([&] {
      consumer.poll(50ms);
      const auto partitions = consumer.assignment();
      return partitions.size() == 1 && partitions.front().topic == "localhost." + topic;
    });
  };
  ASSERT_TRUE(go_to("gstlal"));
  ASSERT_TRUE(go_to("test"));
  const std::string mark = unique_name("paused ");
  publish(mark, 0, 1);
  EXPECT_THAT(read_messages(consumer, 1, mark), SizeIs(1));
}

TEST(Consume, FetchesAgainAsSoonAsTheFullQueueHasRoom) {
  constexpr std::size_t count = 3'000;
  const std::string mark = unique_name("refill ") + std::string(1'000, '.');
  ConsumerOptions narrow = options_from_now_on(unique_name("refill"), "pycbc");
  narrow.kafka_config["max.partition.fetch.bytes"] = "100000";
  narrow.kafka_config["queued.max.messages.kbytes"] = "50";  // less than one fetch brings
  ProducerOptions plain = TestBroker::shared().producer_options();
  plain.kafka_config.insert({{"compression.type", "none"}, {"batch.num.messages", "100"}});
  Producer producer(plain);
  for (std::size_t i = 0; i < count; ++i)
    producer.produce(mark, {.topic = "pycbc", .key = "same"});
  ASSERT_EQ(producer.flush(20s), 0U);
  Consumer consumer(narrow);
  ASSERT_THAT(read_messages(consumer, 1, mark), SizeIs(1));
  std::vector<std::chrono::duration<double>> waits;
  while (waits.size() < count - 1) {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(consumer.poll(20s));
    waits.emplace_back(std::chrono::steady_clock::now() - begin);
  }
  // The queue is full about thirty times, and librdkafka by default checks it again after 1 s. On a busy
  // machine some waits may take that long for other reasons.
  std::sort(waits.begin(), waits.end(), std::greater<>());
  EXPECT_LT(waits[20].count(), 0.4);
}

TEST(Consume, EndsAStreamAfterItsCount) {
  const std::string mark = unique_name("count ");
  publish(mark, 0, 5);
  Consumer consumer(options_for_group(unique_name("count")));
  int seen = 0;
  for ([[maybe_unused]] const Message& message : consumer.stream(1s, 3))
    ++seen;
  EXPECT_EQ(seen, 3);
}

TEST(Consume, WakesUpFromAnotherThread) {
  Consumer consumer(TestBroker::shared().consumer_options({"test"}));
  ASSERT_TRUE(wait_for_assignment(consumer));
  const auto start = std::chrono::steady_clock::now();
  const std::jthread waker([&] { consumer.wakeup(); });
  for ([[maybe_unused]] const Message& message : consumer.stream(30s)) {
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 300ms);
}

TEST(Consume, EndsAStreamOnASignalAndRestoresTheHandler) {
  static volatile std::sig_atomic_t previous_handler_calls = 0;
  const auto original =
      std::signal(SIGTERM, [](int) { previous_handler_calls = previous_handler_calls + 1; });
  Consumer consumer(TestBroker::shared().consumer_options({"test"}));
  ASSERT_TRUE(wait_for_assignment(consumer));
  const auto start = std::chrono::steady_clock::now();
  {
    auto stream = consumer.stream(30s);
    std::raise(SIGTERM);
    EXPECT_EQ(stream.begin(), stream.end());
    EXPECT_EQ(stream.ended_by_signal(), SIGTERM);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 300ms);
  EXPECT_EQ(previous_handler_calls, 0);
  std::raise(SIGTERM);
  EXPECT_EQ(previous_handler_calls, 1);
  std::signal(SIGTERM, original);
}

TEST(Consume, ReturnsAMessageBeforeThePollTimesOut) {
  Consumer consumer(TestBroker::shared().consumer_options({"test"}));
  ASSERT_TRUE(wait_for_assignment(consumer));
  consumer.poll(500ms);
  const std::string mark = unique_name("prompt ");
  Producer producer(TestBroker::shared().producer_options());
  const auto start = std::chrono::steady_clock::now();
  producer.produce(mark);
  bool seen = false;
  while (!seen) {
    const auto message = consumer.poll(20s);
    ASSERT_TRUE(message);
    seen = message->value == mark;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
}

TEST(Consume, ReportsAMissingOrForbiddenTopic) {
  for (const char* topic : {"nosuchpipeline", "forbidden"}) {
    ConsumerOptions options = TestBroker::shared().consumer_options({topic});
    EXPECT_THROW(Consumer{options}, KafkaTopicError) << topic;
    options.check_for_topics = false;
    Consumer consumer(options);
    EXPECT_THROW(consumer.poll(20s), KafkaTopicError) << topic;
  }
}

TEST(Consume, CallsBackForAssignedAndRevokedPartitions) {
  std::vector<TopicPartition> assigned;
  std::vector<TopicPartition> revoked;
  ConsumerOptions options = TestBroker::shared().consumer_options({"test"});
  options.on_assigned = [&](const std::vector<TopicPartition>& partitions) { assigned = partitions; };
  options.on_revoked = [&](const std::vector<TopicPartition>& partitions) { revoked = partitions; };
  Consumer consumer(options);
  ASSERT_TRUE(wait_for_assignment(consumer));
  EXPECT_THAT(assigned, SizeIs(1));
  consumer.close();
  EXPECT_THAT(revoked, SizeIs(1));
  EXPECT_THROW(consumer.poll(), KafkaConsumerError);
}

/// Threads that keep all processors busy.
std::vector<std::jthread> busy_machine() {
  std::vector<std::jthread> threads(std::size_t{2} * std::thread::hardware_concurrency());
  for (std::jthread& thread : threads) {
    thread = std::jthread([](const std::stop_token& over) {
      while (!over.stop_requested()) {
      }
    });
  }
  return threads;
}

/// Options of a consumer that records when its partitions are revoked.
ConsumerOptions options_recording_revocation(bool& has_revoked) {
  ConsumerOptions options = TestBroker::shared().consumer_options({"test"});
  options.on_revoked = [&](const std::vector<TopicPartition>&) { has_revoked = true; };
  return options;
}

void expect_revocation_by_close_without_time() {
  bool has_revoked = false;
  Consumer consumer(options_recording_revocation(has_revoked));
  ASSERT_TRUE(wait_for_assignment(consumer));
  consumer.close(0ms);
  EXPECT_TRUE(has_revoked);
}

TEST(Consume, RevokesItsPartitionsEvenIfCloseTimesOutAtOnce) { expect_revocation_by_close_without_time(); }

TEST(Consume, ClosesOnABusyMachine) {
  const auto busy = busy_machine();
  for (int round = 0; round < 4; ++round)
    expect_revocation_by_close_without_time();
}

TEST(Consume, RevokesItsPartitionsIfCloseIsInterrupted) {
  bool has_revoked = false;
  {
    Consumer consumer(options_recording_revocation(has_revoked));
    ASSERT_TRUE(wait_for_assignment(consumer));
    Interruptible interruptible([] { throw std::runtime_error("enough"); });
    EXPECT_THROW(consumer.close(20s), std::runtime_error);
  }
  EXPECT_TRUE(has_revoked);
}

TEST(Consume, ListsTheTopicsThatTheTokenMaySee) {
  Consumer consumer(TestBroker::shared().consumer_options({}));
  std::vector<std::string> names;
  for (const TopicInfo& topic : consumer.list_topics())
    names.push_back(topic.name);
  EXPECT_THAT(names, testing::IsSupersetOf({"localhost.gstlal", "localhost.test"}));
  EXPECT_THAT(names, testing::Not(testing::Contains("localhost.forbidden")));
}

}  // namespace
}  // namespace gracedb::kafka

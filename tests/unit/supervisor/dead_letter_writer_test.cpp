#include "supervisor/dead_letter_writer.hpp"

#include "gracedb/kafka/consumer.hpp"

#include "supervisor/dead_letter_archive.hpp"
#include "support/captured_log.hpp"
#include "support/mock_kafka.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace gracedb::supervisor {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr seconds patience{60};

class DeadLetterWriterTest : public ::testing::Test {
 protected:
  void open(bool with_topic) {
    writer_.emplace(Spool(spool()), with_topic ? topic() : nullptr, health_, [this] { wake(); });
  }

  std::unique_ptr<DeadLetterTopic> topic() {
    const std::map<std::string, std::string> plaintext{{"security.protocol", "plaintext"}};
    kafka_.create_topic("gracedb-test.letters");
    kafka_.create_topic("gracedb-test.gstlal");
    return std::make_unique<DeadLetterTopic>(
        DeadLetterTopicOptions{.pipeline = "letters",
                               .producer = {.bootstrap_servers = kafka_.bootstrap_servers(),
                                            .instance_name = "gracedb-test",
                                            .kafka_config = plaintext}});
  }

  static DeadLetterOrder order(MessageId id) {
    kafka::Message message;
    message.topic = "gracedb-test.gstlal";
    message.offset = static_cast<std::int64_t>(id);
    message.value = "no event";
    return {.id = id,
            .message = std::make_shared<const kafka::Message>(message),
            .rejection = {Rejection::Kind::schema, "broken"}};
  }

  void submit(const std::vector<MessageId>& ids) {
    std::vector<DeadLetterOrder> all;
    all.reserve(ids.size());
    for (const MessageId id : ids)
      all.push_back(order(id));
    writer_->submit(std::move(all));
  }

  /// The ids done so far, once there are `count`.
  std::vector<MessageId> wait_for_done(std::size_t count) {
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, patience, [&] {
      for (const MessageId id : writer_->take_written())
        done_.push_back(id);
      return done_.size() >= count;
    });
    return done_;
  }

  bool wait_until_blocked() {
    std::unique_lock lock(mutex_);
    return news_.wait_for(lock, patience, [&] { return writer_->is_blocked(); });
  }

  void block_spool() {
    fs::rename(spool(), temporary_.path() / "elsewhere");
    std::ofstream(spool()) << "in the way";
  }
  void free_spool() {
    fs::remove(spool());
    fs::rename(temporary_.path() / "elsewhere", spool());
  }

  bool can_write() const {
    const auto checks = health_.checks();
    return checks.at(static_cast<std::size_t>(Check::dead_letters)).is_ok;
  }

  fs::path spool() const { return temporary_.path() / "spool"; }
  bool is_spool_empty() const { return fs::is_empty(spool()); }

  std::vector<std::string> letters() const {
    kafka::Consumer consumer({.bootstrap_servers = kafka_.bootstrap_servers(),
                              .topics = {"letters"},
                              .instance_name = "gracedb-test",
                              .auto_offset_reset = "earliest",
                              .track_end = true,
                              .kafka_config = {{"security.protocol", "plaintext"}}});
    std::vector<std::string> places;
    for (const kafka::Message& letter : consumer.stream())
      places.push_back(name_of(origin_of(letter.headers).value().place));
    return places;
  }

  test_support::MockKafka kafka_;
  test_support::TemporaryDirectory temporary_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::vector<MessageId> done_;
  Health health_;
  std::optional<DeadLetterWriter> writer_;  // wakes us until it is destroyed

 private:
  void wake() {
    const std::lock_guard lock(mutex_);
    news_.notify_all();
  }
};

TEST_F(DeadLetterWriterTest, WritesToTheSpoolWithoutATopic) {
  open(false);
  submit({1, 2});
  EXPECT_THAT(wait_for_done(2), ElementsAre(1, 2));
  EXPECT_TRUE(fs::exists(spool() / "gracedb-test.gstlal-0-1.json"));
  EXPECT_TRUE(fs::exists(spool() / "gracedb-test.gstlal-0-2.json"));
}

TEST_F(DeadLetterWriterTest, IsBlockedUntilTheSpoolIsWritable) {
  open(false);
  block_spool();
  test_support::CapturedLog log(LogLevel::error);
  submit({1});
  ASSERT_TRUE(wait_until_blocked());
  EXPECT_TRUE(log.wait_for("dead letter of gracedb-test.gstlal-0-1;"));
  EXPECT_FALSE(can_write());
  EXPECT_THAT(writer_->take_written(), IsEmpty());
  free_spool();
  EXPECT_THAT(wait_for_done(1), ElementsAre(1));
  EXPECT_FALSE(writer_->is_blocked());
  EXPECT_TRUE(can_write());
}

TEST_F(DeadLetterWriterTest, SkipsAbandonedMessages) {
  open(false);
  block_spool();
  submit({1, 2});
  ASSERT_TRUE(wait_until_blocked());
  writer_->abandon({1, 2});
  free_spool();
  submit({3});
  EXPECT_THAT(wait_for_done(1), ElementsAre(3));
  EXPECT_FALSE(fs::exists(spool() / "gracedb-test.gstlal-0-1.json"));
}

TEST_F(DeadLetterWriterTest, WritesToTheTopicInOrder) {
  open(true);
  submit({1, 2});
  submit({3});
  ASSERT_THAT(wait_for_done(3), ElementsAre(1, 2, 3));
  EXPECT_THAT(letters(),
              ElementsAre("gracedb-test.gstlal-0-1", "gracedb-test.gstlal-0-2", "gracedb-test.gstlal-0-3"));
  EXPECT_TRUE(is_spool_empty());
}

TEST_F(DeadLetterWriterTest, WritesToTheSpoolWhatTheTopicRefuses) {
  open(true);
  kafka_.refuse_next_message(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  submit({1, 2});
  EXPECT_THAT(wait_for_done(2), ElementsAre(1, 2));
  EXPECT_TRUE(fs::exists(spool() / "gracedb-test.gstlal-0-1.json"));
  EXPECT_THAT(letters(), ElementsAre("gracedb-test.gstlal-0-2"));
}

/// The dead-letter topic as an operator reads it.
class DeadLetterCopiesTest : public DeadLetterWriterTest {
 protected:
  DeadLetterCopiesTest() {
    // The supervisor was killed between the acknowledgement and the commit: its successor writes offset 1
    // again.
    for (const std::vector<MessageId>& ids : {std::vector<MessageId>{1, 2}, std::vector<MessageId>{1}}) {
      open(true);
      done_.clear();
      submit(ids);
      EXPECT_EQ(wait_for_done(ids.size()).size(), ids.size());
      writer_.reset();
    }
  }

  std::vector<std::string> listed(const std::function<bool(const std::string&)>& is_removed = {}) {
    const std::map<std::string, std::string> plaintext{{"security.protocol", "plaintext"}};
    kafka::Producer producer({.bootstrap_servers = kafka_.bootstrap_servers(),
                              .instance_name = "gracedb-test",
                              .check_for_topics = false,
                              .kafka_config = plaintext});
    DeadLetterArchive archive({.bootstrap_servers = kafka_.bootstrap_servers(),
                               .instance_name = "gracedb-test",
                               .group_id = "operator",
                               .kafka_config = plaintext},
                              "letters", producer);
    std::vector<std::string> ids;
    archive.read([&](const DeadLetter& letter) {
      ids.push_back(letter.id);
      if (is_removed && is_removed(letter.id)) archive.remove(letter);
    });
    return ids;
  }
};

TEST_F(DeadLetterCopiesTest, ListsTwoCopiesAsOneEntry) {
  EXPECT_EQ(letters().size(), 3U);
  EXPECT_THAT(listed(), ElementsAre("gracedb-test.gstlal-0-1", "gracedb-test.gstlal-0-2"));
}

TEST_F(DeadLetterCopiesTest, RemovesEveryCopyOfAnEntry) {
  listed([](const std::string& id) { return id == "gracedb-test.gstlal-0-1"; });
  EXPECT_THAT(listed(), ElementsAre("gracedb-test.gstlal-0-2"));
}

TEST_F(DeadLetterCopiesTest, HidesACopyThatArrivesAfterTheEntryWasRemoved) {
  listed([](const std::string&) { return true; });
  open(true);
  done_.clear();
  submit({1});
  ASSERT_EQ(wait_for_done(1).size(), 1U);
  EXPECT_THAT(listed(), IsEmpty());
}

}  // namespace
}  // namespace gracedb::supervisor

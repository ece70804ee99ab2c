#include "supervisor/dead_letter_office.hpp"

#include "kafka/group_consumer.hpp"
#include "support/captured_log.hpp"
#include "support/mock_kafka.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
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

class DeadLetterOfficeTest : public ::testing::Test {
 protected:
  void open(bool with_topic) {
    office_.emplace(Spool(spool()), with_topic ? topic() : nullptr, health_, [this] { wake(); });
  }

  std::unique_ptr<DeadLetterTopic> topic() {
    const std::map<std::string, std::string> plaintext{{"security.protocol", "plaintext"}};
    kafka_.create_topic("gracedb-test.letters");
    kafka_.create_topic("gracedb-test.gstlal");
    return std::make_unique<DeadLetterTopic>(
        DeadLetterTopicOptions{.pipeline = "letters",
                               .producer = {.bootstrap_servers = kafka_.bootstrap_servers(),
                                            .instance_name = "gracedb-test",
                                            .kafka_config = plaintext},
                               .consumer = {.bootstrap_servers = kafka_.bootstrap_servers(),
                                            .instance_name = "gracedb-test",
                                            .group_id = "supervisors",
                                            .kafka_config = plaintext}});
  }

  Rejected rejected(Window::Id id) const {
    kafka::Message message;
    message.topic = "gracedb-test.gstlal";
    message.offset = static_cast<std::int64_t>(id);
    message.value = "no event";
    return {.id = id,
            .message = std::make_shared<const kafka::Message>(message),
            .rejection = {Rejection::Kind::schema, "broken"},
            .record = {},
            .group_metadata = group_metadata_};
  }

  void submit(const std::vector<Window::Id>& ids) {
    std::vector<Rejected> all;
    all.reserve(ids.size());
    for (const Window::Id id : ids)
      all.push_back(rejected(id));
    office_->submit(std::move(all));
  }

  /// Of no member: the mock cluster does not ask.
  std::string some_group_metadata() const {
    return kafka::GroupConsumer({.bootstrap_servers = kafka_.bootstrap_servers(),
                                 .instance_name = "gracedb-test",
                                 .group_id = "supervisors",
                                 .check_for_topics = false,
                                 .kafka_config = {{"security.protocol", "plaintext"}}},
                                nullptr)
        .group_metadata();
  }

  /// The ids done so far, once there are `count`.
  std::vector<Window::Id> wait_for_done(std::size_t count) {
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, patience, [&] {
      for (const Rejected& each : office_->take_done())
        done_.push_back(each.id);
      return done_.size() >= count;
    });
    return done_;
  }

  bool wait_until_stuck() {
    std::unique_lock lock(mutex_);
    return news_.wait_for(lock, patience, [&] { return office_->is_stuck(); });
  }

  void block_spool() {
    fs::rename(spool(), temporary_.path() / "elsewhere");
    std::ofstream(spool()) << "in the way";
  }
  void free_spool() {
    fs::remove(spool());
    fs::rename(temporary_.path() / "elsewhere", spool());
  }

  bool can_set_aside() const {
    const auto checks = health_.checks();
    return checks.at(static_cast<std::size_t>(Check::set_aside)).is_ok;
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
  std::vector<Window::Id> done_;
  Health health_;
  const std::string group_metadata_ = some_group_metadata();
  std::optional<DeadLetterOffice> office_;  // wakes us until it is destroyed

 private:
  void wake() {
    const std::lock_guard lock(mutex_);
    news_.notify_all();
  }
};

TEST_F(DeadLetterOfficeTest, KeepsLettersInTheSpoolWhereThereIsNoTopic) {
  open(false);
  submit({1, 2});
  EXPECT_THAT(wait_for_done(2), ElementsAre(1, 2));
  EXPECT_TRUE(fs::exists(spool() / "gracedb-test.gstlal-0-1.json"));
  EXPECT_TRUE(fs::exists(spool() / "gracedb-test.gstlal-0-2.json"));
}

TEST_F(DeadLetterOfficeTest, IsStuckUntilTheSpoolWorksAgain) {
  open(false);
  block_spool();
  test_support::CapturedLog log(LogLevel::error);
  submit({1});
  ASSERT_TRUE(wait_until_stuck());
  EXPECT_TRUE(log.wait_for("gracedb-test.gstlal-0-1 cannot be set aside"));
  EXPECT_FALSE(can_set_aside());
  EXPECT_THAT(office_->take_done(), IsEmpty());
  free_spool();
  EXPECT_THAT(wait_for_done(1), ElementsAre(1));
  EXPECT_FALSE(office_->is_stuck());
  EXPECT_TRUE(can_set_aside());
}

TEST_F(DeadLetterOfficeTest, GivesUpWhatIsAbandonedAndGoesOn) {
  open(false);
  block_spool();
  submit({1, 2});
  ASSERT_TRUE(wait_until_stuck());
  office_->abandon({1, 2});
  free_spool();
  submit({3});
  EXPECT_THAT(wait_for_done(1), ElementsAre(3));
  EXPECT_FALSE(fs::exists(spool() / "gracedb-test.gstlal-0-1.json"));
}

TEST_F(DeadLetterOfficeTest, PutsLettersOnTheTopicInTheirOrder) {
  open(true);
  submit({1, 2});
  submit({3});
  ASSERT_THAT(wait_for_done(3), ElementsAre(1, 2, 3));
  EXPECT_THAT(letters(),
              ElementsAre("gracedb-test.gstlal-0-1", "gracedb-test.gstlal-0-2", "gracedb-test.gstlal-0-3"));
  EXPECT_TRUE(is_spool_empty());
}

TEST_F(DeadLetterOfficeTest, TakesTheSpoolForWhatTheTopicRefuses) {
  open(true);
  for (int i = 0; i < 2; ++i)  // both together, and then the first alone
    kafka_.refuse_next_message(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  submit({1, 2});
  EXPECT_THAT(wait_for_done(2), ElementsAre(1, 2));
  EXPECT_TRUE(fs::exists(spool() / "gracedb-test.gstlal-0-1.json"));
  EXPECT_THAT(letters(), ElementsAre("gracedb-test.gstlal-0-2"));
}

}  // namespace
}  // namespace gracedb::supervisor

#include "supervisor/supervisor.hpp"

#include "gracedb/kafka/producer.hpp"
#include "gracedb/kafka/upload_message.hpp"
#include "gracedb/logging.hpp"

#include "support/captured_log.hpp"
#include "support/mock_kafka.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace gracedb::supervisor {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr seconds patience{60};
constexpr const char* server = "https://gracedb-test.ligo.org/api/";
constexpr const char* pipeline = "gstlal";

std::string event(const std::string& graceid, bool skip = false) {
  kafka::UploadMessage message;
  message.gracedb_server = server;
  message.graceid = graceid;
  message.pipeline = pipeline;
  message.skip_supervisor = skip;
  message.file_name = "coinc.xml";
  return kafka::build_upload_message(message, "the event " + graceid);
}

// What the loop shows of itself changes without a word to us.
bool eventually(const std::function<bool()>& condition) {
  const auto deadline = steady_clock::now() + patience;
  while (!condition() && steady_clock::now() < deadline)
    std::this_thread::yield();
  return condition();
}

/// Takes orders and answers them when the test says so.
class Desk {
 public:
  /// From now on every order is answered at once.
  void answer_everything() {
    const std::lock_guard lock(mutex_);
    automatic_ = true;
    while (!open_.empty())
      answer_one(open_.front().upload.graceid, Verdict::done);
  }

  void answer(const std::string& graceid, Verdict verdict = Verdict::done) {
    const std::lock_guard lock(mutex_);
    answer_one(graceid, verdict);
  }

  /// The graceids ordered so far, once there are `count`.
  std::vector<std::string> wait_for_orders(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return ordered_.size() >= count; });
    return ordered_;
  }

  /// True if there are `count` orders before `time` has passed.
  bool has_orders_within(std::size_t count, milliseconds time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [&] { return ordered_.size() >= count; });
  }

  std::size_t most_at_a_time() {
    const std::lock_guard lock(mutex_);
    return most_at_a_time_;
  }

  std::unique_ptr<Uploader> open(ResultQueue& results) {
    const std::lock_guard lock(mutex_);
    results_ = &results;
    return std::make_unique<Clerk>(*this);
  }

 private:
  class Clerk final : public Uploader {
   public:
    explicit Clerk(Desk& desk) : desk_(desk) {}
    ~Clerk() override { desk_.close(); }
    void submit(UploadOrder order) override { desk_.take(std::move(order)); }
    void abandon(std::vector<MessageId> ids) override { desk_.drop(ids); }

   private:
    Desk& desk_;
  };

  void take(UploadOrder order) {
    const std::lock_guard lock(mutex_);
    const std::string graceid = order.upload.graceid;
    ordered_.push_back(graceid);
    open_.push_back(std::move(order));
    most_at_a_time_ = std::max(most_at_a_time_, open_.size());
    if (automatic_) answer_one(graceid, Verdict::done);
    changed_.notify_all();
  }

  void answer_one(const std::string& graceid, Verdict verdict) {
    const auto found = std::find_if(open_.begin(), open_.end(), [&](const UploadOrder& order) {
      return order.upload.graceid == graceid;
    });
    ASSERT_NE(found, open_.end()) << graceid;
    results_->push({.id = found->id, .verdict = verdict, .reason = "", .attempts = 1});
    open_.erase(found);
  }

  void drop(const std::vector<MessageId>& ids) {
    const std::lock_guard lock(mutex_);
    std::erase_if(open_,
                  [&](const UploadOrder& order) { return std::count(ids.begin(), ids.end(), order.id) > 0; });
  }

  void close() {
    const std::lock_guard lock(mutex_);
    open_.clear();
    results_ = nullptr;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  ResultQueue* results_ = nullptr;
  bool automatic_ = false;
  std::vector<UploadOrder> open_;
  std::vector<std::string> ordered_;
  std::size_t most_at_a_time_ = 0;
};

/// Records what is settled.
class Records {
 public:
  void add(const EventRecord& record) {
    const std::lock_guard lock(mutex_);
    records_.push_back(record);
    changed_.notify_all();
  }

  std::vector<EventRecord> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return records_.size() >= count; });
    return records_;
  }

  bool wait_for_graceid(const std::string& graceid) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] {
      return std::any_of(records_.begin(), records_.end(),
                         [&](const EventRecord& record) { return record.graceid == graceid; });
    });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<EventRecord> records_;
};

/// A supervisor on a thread of its own.
class Running {
 public:
  Running(SupervisorOptions options, Desk& desk)
      : supervisor_(std::move(options), [&desk](ResultQueue& results) { return desk.open(results); }),
        thread_([this] { supervisor_.run(); }) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { stop(); }

  /// Returns when it has ended.
  void stop() {
    supervisor_.stop();
    if (thread_.joinable()) thread_.join();
  }

  void ask_to_stop() { supervisor_.stop(); }

 private:
  Supervisor supervisor_;
  std::thread thread_;
};

class SupervisorTest : public ::testing::Test {
 protected:
  SupervisorTest() { kafka_.create_topic("gracedb-test.gstlal"); }

  void SetUp() override {
    producer_.emplace(kafka::ProducerOptions{.bootstrap_servers = kafka_.bootstrap_servers(),
                                             .topic = pipeline,
                                             .service_url = server,
                                             .check_for_topics = false,
                                             .kafka_config = {{"security.protocol", "plaintext"}}});
  }

  SupervisorOptions options() {
    SupervisorOptions made{
        .consumer = {.bootstrap_servers = kafka_.bootstrap_servers(),
                     .service_url = server,
                     .group_id = "supervisors",
                     .kafka_config = {{"security.protocol", "plaintext"}, {"fetch.wait.max.ms", "20"}}},
        .pipelines = {pipeline},
        .rules = {.servers = {ServiceAddress(server)}},
        .spool_directory = spool()};
    made.on_settled = [this](const EventRecord& record) { records_.add(record); };
    return made;
  }

  fs::path spool() const { return directory_.path() / "spool"; }
  void obstruct_spool() const {
    fs::rename(spool(), directory_.path() / "elsewhere");
    std::ofstream(spool()) << "in the way";
  }

  void send(const std::string& value, const std::string& key = {}, const char* topic = pipeline) {
    kafka::ProduceOptions to{.topic = topic};
    if (!key.empty()) to.key = key;
    producer_->deliver(value, to);
  }
  void send_event(const std::string& graceid) { send(event(graceid), graceid); }

  test_support::MockKafka kafka_;
  test_support::TemporaryDirectory directory_;
  Records records_;
  std::optional<kafka::Producer> producer_;
};

TEST_F(SupervisorTest, DoesWithEachMessageWhatIsToBeDone) {
  send_event("T0001");
  send(kafka::build_ping_message({.timestamp = 1}));
  send("not JSON", "T0002");
  send(event("T0003", true), "T0003");
  send_event("T0004");
  Desk desk;
  Running running(options(), desk);
  desk.wait_for_orders(2);
  desk.answer("T0001", Verdict::duplicate);
  desk.answer("T0004", Verdict::refused);
  const auto records = records_.wait_for(5);
  std::map<std::int64_t, std::pair<Outcome, std::string>> outcomes;
  for (const EventRecord& record : records)
    outcomes[record.offset] = {record.outcome, record.graceid};
  using Expected = std::pair<Outcome, std::string>;
  EXPECT_EQ(outcomes[0], Expected(Outcome::duplicate, "T0001"));
  EXPECT_EQ(outcomes[1], Expected(Outcome::ignored, ""));
  EXPECT_EQ(outcomes[2], Expected(Outcome::dead_letter, "T0002"));
  EXPECT_EQ(outcomes[3], Expected(Outcome::skipped, "T0003"));
  EXPECT_EQ(outcomes[4], Expected(Outcome::dead_letter, "T0004"));
  for (const char* name : {"gracedb-test.gstlal-0-2.json", "gracedb-test.gstlal-0-2.value",
                           "gracedb-test.gstlal-0-4.json", "gracedb-test.gstlal-0-4.value"}) {
    EXPECT_TRUE(fs::exists(spool() / name)) << name;
  }
}

TEST_F(SupervisorTest, ShowsWhatItIsDoing) {
  send_event("T0001");
  send_event("T0002");
  send("not JSON");
  Desk desk;
  SupervisorOptions watched = options();
  const auto monitor = watched.monitor;
  const auto partitions = [&] { return monitor->health().checks().front(); };
  EXPECT_FALSE(partitions().is_ok);
  Running running(watched, desk);
  ASSERT_EQ(desk.wait_for_orders(2).size(), 2U);
  EXPECT_EQ(partitions().reason, "reading 1");
  EXPECT_TRUE(partitions().is_ok);
  EXPECT_TRUE(eventually([&] { return monitor->picture().in_flight == 3; }));
  EXPECT_GT(monitor->picture().in_flight_bytes, 0U);
  EXPECT_TRUE(eventually([&] {
    const auto lag = monitor->picture().lag;
    return lag.size() == 1 && lag[0].messages == 3;
  })) << "T0001 is not settled, so that nothing behind it counts as read";
  desk.answer_everything();
  EXPECT_TRUE(eventually([&] {
    const auto lag = monitor->picture().lag;
    return lag.size() == 1 && lag[0].messages == 0;
  }));
  EXPECT_EQ(monitor->picture().settled[Outcome::uploaded], 2U);
  EXPECT_EQ(monitor->picture().rejected[Rejection::Kind::schema], 1U);
  EXPECT_EQ(monitor->history().after(0).size(), 3U);
}

TEST_F(SupervisorTest, KnowsTheLagAlsoWhilePausedAndWhereNothingHasCome) {
  kafka_.create_topic("gracedb-test.cwb");
  Desk desk;
  SupervisorOptions narrow = options();
  narrow.pipelines = {"gstlal", "cwb"};
  narrow.max_in_flight = 1;
  const auto monitor = narrow.monitor;
  send_event("T0001");
  test_support::CapturedLog log;
  Running running(narrow, desk);
  ASSERT_EQ(desk.wait_for_orders(1).size(), 1U);
  EXPECT_TRUE(log.wait_for("paused: "));
  for (const char* graceid : {"T0002", "T0003"})
    send_event(graceid);
  EXPECT_TRUE(eventually([&] {
    std::map<Partition, std::int64_t> lag;
    for (const PartitionLag& each : monitor->picture().lag)
      lag[each.partition] = each.messages;
    return lag ==
           std::map<Partition, std::int64_t>{{{"gracedb-test.cwb", 0}, 0}, {{"gracedb-test.gstlal", 0}, 3}};
  }));
  desk.answer_everything();
}

TEST_F(SupervisorTest, TimesAnEventFromItsProducer) {
  kafka::UploadMessage message;
  message.gracedb_server = server;
  message.graceid = "T0001";
  message.pipeline = pipeline;
  message.file_name = "coinc.xml";
  for (const double timestamp : {1'000'000'000.0, 1e300, -5.0}) {
    message.producer_timestamp = timestamp;
    send(kafka::build_upload_message(message, "an event"), "T0001");
  }
  Desk desk;
  desk.answer_everything();
  Running running(options(), desk);
  const auto records = records_.wait_for(3);
  ASSERT_EQ(records.size(), 3U);
  ASSERT_TRUE(records[0].latency);
  EXPECT_GT(*records[0].latency, std::chrono::hours(24));
  EXPECT_FALSE(records[1].latency);
  EXPECT_FALSE(records[2].latency);
}

TEST_F(SupervisorTest, LeavesWhatIsNotSettledToTheNextOne) {
  for (const char* graceid : {"T0001", "T0002", "T0003", "T0004"})
    send_event(graceid);
  {
    Desk desk;
    SupervisorOptions impatient = options();
    impatient.drain_timeout = milliseconds(0);
    Running running(impatient, desk);
    ASSERT_EQ(desk.wait_for_orders(4).size(), 4U);
    desk.answer("T0001");
    desk.answer("T0002");
    desk.answer("T0004");
    ASSERT_EQ(records_.wait_for(3).size(), 3U);
    running.stop();
  }
  Desk desk;
  Running next(options(), desk);
  EXPECT_THAT(desk.wait_for_orders(2), ElementsAre("T0003", "T0004"));
  desk.answer_everything();
  records_.wait_for(5);
}

TEST_F(SupervisorTest, FinishesWhatIsUnderWayBeforeItEnds) {
  send_event("T0001");
  {
    Desk desk;
    Running running(options(), desk);
    ASSERT_EQ(desk.wait_for_orders(1).size(), 1U);
    running.ask_to_stop();
    send_event("T0002");
    desk.answer("T0001");
    running.stop();
    EXPECT_EQ(desk.wait_for_orders(1).size(), 1U);
  }
  Desk desk;
  Running next(options(), desk);
  EXPECT_THAT(desk.wait_for_orders(1), ElementsAre("T0002"));
  desk.answer_everything();
}

TEST_F(SupervisorTest, StaysInItsGroupHoweverLongUploadsTake) {
  constexpr int events = 8;
  for (int i = 0; i < events; ++i)
    send_event("T000" + std::to_string(i));
  Desk desk;
  SupervisorOptions narrow = options();
  narrow.max_in_flight = 2;
  // The mock broker takes three seconds to form a group, and a poll may be away for no longer than four.
  narrow.consumer.kafka_config.insert({{"session.timeout.ms", "4000"}, {"max.poll.interval.ms", "4000"}});
  Running running(narrow, desk);
  ASSERT_EQ(desk.wait_for_orders(2).size(), 2U);
  EXPECT_FALSE(desk.has_orders_within(3, seconds(6)));
  desk.answer_everything();
  EXPECT_EQ(records_.wait_for(events).size(), std::size_t{events});
  EXPECT_EQ(desk.wait_for_orders(events).size(), std::size_t{events});
  EXPECT_EQ(desk.most_at_a_time(), 2U);
}

TEST_F(SupervisorTest, TakesNothingWhileItCannotSetAside) {
  Desk desk;
  desk.answer_everything();
  const SupervisorOptions stuck = options();
  Running running(stuck, desk);
  send_event("T0001");
  records_.wait_for(1);
  obstruct_spool();
  test_support::CapturedLog log(LogLevel::error);
  send("not JSON");
  ASSERT_TRUE(log.wait_for("dead letter of gracedb-test.gstlal-0-1;"));
  send_event("T0002");
  EXPECT_TRUE(eventually([&] { return !stuck.monitor->health().checks()[4].is_ok; }));
  EXPECT_FALSE(desk.has_orders_within(2, milliseconds(500)));
  EXPECT_EQ(records_.wait_for(1).size(), 1U);
  fs::remove(spool());
  fs::rename(directory_.path() / "elsewhere", spool());
  const auto records = records_.wait_for(3);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[1].outcome, Outcome::dead_letter);
  EXPECT_EQ(records[2].outcome, Outcome::uploaded);
  EXPECT_TRUE(eventually([&] { return stuck.monitor->health().checks()[4].is_ok; }));
}

TEST_F(SupervisorTest, HasStoppedTakingWhenItSaysThatItCannotSetAside) {
  Desk desk;
  desk.answer_everything();
  SupervisorOptions impatient = options();
  impatient.drain_timeout = milliseconds(0);
  Running running(impatient, desk);
  send_event("T0001");
  records_.wait_for(1);
  obstruct_spool();
  std::promise<bool> takes_more;
  set_log_level(LogLevel::error);
  std::atomic<bool> is_first = true;
  set_log_sink([&](LogLevel, std::string_view, std::string_view) {
    if (!is_first.exchange(false)) return;
    send_event("T0002");
    takes_more.set_value(desk.has_orders_within(2, milliseconds(500)));
  });
  send("not JSON");
  auto answer = takes_more.get_future();
  const bool is_told = answer.wait_for(patience) == std::future_status::ready;
  running.stop();
  set_log_sink({});
  set_log_level(LogLevel::warning);
  ASSERT_TRUE(is_told);
  EXPECT_FALSE(answer.get());
}

TEST_F(SupervisorTest, WritesADeadLetterAgainIfItEndsBeforeTheCommit) {
  Desk desk;
  desk.answer_everything();
  kafka_.refuse_commits(RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
  send("not JSON");
  for (std::size_t written = 1; written <= 2; ++written) {
    Running running(options(), desk);
    const auto records = records_.wait_for(written);
    ASSERT_EQ(records.size(), written);
    EXPECT_EQ(records.back().outcome, Outcome::dead_letter);
    EXPECT_EQ(records.back().offset, 0);
  }
  kafka_.accept_commits();
  std::size_t entries = 0;
  Spool(spool()).read([&](const DeadLetter&) { ++entries; });
  EXPECT_EQ(entries, 1U);
}

TEST_F(SupervisorTest, CommitsNothingBehindADeadLetterThatIsNotWritten) {
  {
    Desk desk;
    desk.answer_everything();
    SupervisorOptions impatient = options();
    impatient.drain_timeout = milliseconds(0);
    Running running(impatient, desk);
    send_event("T0001");
    records_.wait_for(1);
    obstruct_spool();
    test_support::CapturedLog log(LogLevel::error);
    send("not JSON");
    ASSERT_TRUE(log.wait_for("dead letter of gracedb-test.gstlal-0-1;"));
    running.stop();
  }
  fs::remove(spool());
  fs::rename(directory_.path() / "elsewhere", spool());
  Desk desk;
  Running next(options(), desk);
  const auto records = records_.wait_for(2);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].outcome, Outcome::dead_letter);
  EXPECT_EQ(records[1].offset, 1);
}

TEST_F(SupervisorTest, SharesTheWorkWithAnother) {
  Desk first_desk;
  Desk second_desk;
  first_desk.answer_everything();
  second_desk.answer_everything();
  SupervisorOptions of_two = options();
  of_two.pipelines = {"gstlal", "cwb"};
  kafka_.create_topic("gracedb-test.cwb");
  Running first(of_two, first_desk);
  send_event("G1");
  ASSERT_THAT(records_.wait_for(1), Not(IsEmpty()));
  Running second(of_two, second_desk);
  std::set<std::string> sent = {"G1"};
  // Until the second has its share, everything goes to the first.
  for (const auto deadline = steady_clock::now() + patience;
       second_desk.wait_for_orders(0).empty() && steady_clock::now() < deadline;) {
    const std::string graceid = "G" + std::to_string(sent.size() + 1);
    send(event(graceid), graceid, sent.size() % 2 == 0 ? "gstlal" : "cwb");
    sent.insert(graceid);
    ASSERT_TRUE(records_.wait_for_graceid(graceid));
  }
  EXPECT_THAT(second_desk.wait_for_orders(1), Not(IsEmpty()));
  for (const std::string& graceid : sent)
    EXPECT_TRUE(records_.wait_for_graceid(graceid)) << graceid;
}

}  // namespace
}  // namespace gracedb::supervisor

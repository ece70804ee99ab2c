#include "sandbox/store.hpp"

#include "gracedb/kafka/upload_message.hpp"

#include "sandbox/query.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <set>
#include <thread>

namespace gracedb::sandbox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Outcome = EventStore::Outcome;

class Store : public testing::Test {
 protected:
  Submission submission(std::string group = "CBC", std::string pipeline = "gstlal",
                        std::optional<std::string> search = "AllSky") const {
    return {.group = std::move(group),
            .pipeline = std::move(pipeline),
            .search = std::move(search),
            .submitter = "albert",
            .content_id = {},
            .replay_id = {}};
  }

  EventUpload upload(std::string_view contents) const {
    EventUpload upload;
    upload.file_name = "coinc.xml";
    upload.contents = contents;
    return upload;
  }

  std::optional<Alert> alert_of(const Event& event) {
    ++alerts_made_;
    return Alert{"topic", "\"" + event.graceid + "\""};
  }
  EventStore::MakeAlert make_alert() {
    return [this](const Event& event) { return alert_of(event); };
  }

  Event create(const Submission& of, EventFacts facts = {}) {
    EventUpload with_facts = upload("contents");
    with_facts.facts = std::move(facts);
    return store_.create(of, with_facts, make_alert()).event.value();
  }

  std::vector<std::string> found(std::string_view query) {
    std::vector<std::string> graceids;
    for (const Event& event : store_.list(parse_event_query(query, now()), 0, 100).events) {
      graceids.push_back(event.graceid);
    }
    return graceids;
  }

  test_support::TemporaryDirectory state_;
  EventStore store_{state_.path() / "gracedb.sqlite", Durability::crash};
  int alerts_made_ = 0;
};

TEST_F(Store, NumbersAllEventsWithOneCounter) {
  EXPECT_EQ(store_.reserve(submission("Test")).graceid, "T0001");
  EXPECT_EQ(store_.reserve(submission()).graceid, "G0002");
  EXPECT_EQ(create(submission("CBC", "gstlal", "MDC")).graceid, "M0003");
}

TEST_F(Store, KeepsCounterAndEventsAfterReopening) {
  store_.reserve(submission());
  EventStore again(state_.path() / "gracedb.sqlite", Durability::crash);
  EXPECT_EQ(again.reserve(submission()).graceid, "G0002");
  EXPECT_EQ(again.everything().size(), 2U);
}

TEST_F(Store, CompletesAReservation) {
  const Event reservation = store_.reserve(submission());
  EventUpload file = upload("<xml/>");
  file.labels = {"INJ", "DQV"};
  file.kafka_server = "broker:9092";
  file.kafka_topic = "gracedb.gstlal";
  const auto completion = store_.complete(reservation.graceid, file, make_alert());
  EXPECT_EQ(completion.outcome, Outcome::completed);
  const Event event = store_.find(reservation.graceid).value();
  EXPECT_EQ(event.state, EventState::complete);
  EXPECT_EQ(event.upload_count, 1);
  EXPECT_THAT(event.labels, ElementsAre("INJ", "DQV"));
  EXPECT_EQ(event.kafka_server, "broker:9092");
  EXPECT_EQ(event.kafka_topic, "gracedb.gstlal");
  EXPECT_EQ(store_.file(event, "coinc.xml", {}), "<xml/>");
}

TEST_F(Store, ReportsRepeatedContentAsAlreadyDone) {
  const Event reservation = store_.reserve(submission());
  store_.complete(reservation.graceid, upload("<xml/>"), make_alert());
  const auto again = store_.complete(reservation.graceid, upload("<xml/>"), make_alert());
  EXPECT_EQ(again.outcome, Outcome::already_done);
  EXPECT_FALSE(again.alert);
  EXPECT_EQ(again.event->upload_count, 2);
  EXPECT_EQ(alerts_made_, 1);
  EXPECT_EQ(store_.files(*again.event).at(0).versions, 1);
}

TEST_F(Store, RejectsOtherContentForACompleteEvent) {
  const Event reservation = store_.reserve(submission());
  store_.complete(reservation.graceid, upload("<xml/>"), make_alert());
  EXPECT_EQ(store_.complete(reservation.graceid, upload("<other/>"), make_alert()).outcome,
            Outcome::other_content);
  const Event event = store_.find(reservation.graceid).value();
  EXPECT_EQ(event.upload_count, 1);
  EXPECT_EQ(store_.file(event, "coinc.xml", {}), "<xml/>");
}

TEST_F(Store, RejectsContentThatTheReservationDidNotAnnounce) {
  Submission announced = submission();
  announced.content_id = kafka::content_id("<xml/>");
  const Event reservation = store_.reserve(announced);
  EXPECT_EQ(store_.complete(reservation.graceid, upload("<other/>"), make_alert()).outcome,
            Outcome::other_content);
  EXPECT_EQ(store_.find(reservation.graceid)->state, EventState::reserved);
  EXPECT_EQ(store_.complete(reservation.graceid, upload("<xml/>"), make_alert()).outcome, Outcome::completed);
}

TEST_F(Store, ReportsAnUnknownEvent) {
  EXPECT_EQ(store_.complete("G0042", upload("<xml/>"), make_alert()).outcome, Outcome::not_found);
  EXPECT_EQ(store_.complete("nonsense", upload("<xml/>"), make_alert()).outcome, Outcome::not_found);
}

TEST_F(Store, MakesTheAlertOnCompletionBeforeTheLabels) {
  const Event reservation = store_.reserve(submission());
  EXPECT_THAT(store_.alerts(), IsEmpty());
  EventUpload file = upload("<xml/>");
  file.labels = {"INJ"};
  std::vector<std::string> labels_at_alert = {"unset"};
  store_.complete(reservation.graceid, file, [&](const Event& event) {
    labels_at_alert = event.labels;
    return alert_of(event);
  });
  EXPECT_THAT(labels_at_alert, IsEmpty());
  ASSERT_EQ(store_.alerts().size(), 1U);
  EXPECT_EQ(store_.alerts()[0].alert.payload, "\"G0001\"");
}

TEST_F(Store, RollsBackAFailedUpload) {
  const Event reservation = store_.reserve(submission());
  const auto fail = [](const Event&) -> std::optional<Alert> { throw std::runtime_error("no alert"); };
  EXPECT_THROW(store_.complete(reservation.graceid, upload("<xml/>"), fail), std::runtime_error);
  const Event event = store_.find(reservation.graceid).value();
  EXPECT_EQ(event.state, EventState::reserved);
  EXPECT_THAT(store_.files(event), IsEmpty());
  EXPECT_EQ(store_.complete(reservation.graceid, upload("<xml/>"), make_alert()).outcome, Outcome::completed);
}

void in_threads(int count, const std::function<void()>& work) {
  std::list<std::jthread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back(work);
}

TEST_F(Store, CompletesAnEventOnceUnderConcurrentUploads) {
  const Event reservation = store_.reserve(submission());
  const auto make_plain_alert = [](const Event&) { return Alert{"t", "1"}; };
  std::atomic<int> completed{0};
  std::atomic<int> done{0};
  in_threads(8, [&] {
    const auto outcome = store_.complete(reservation.graceid, upload("<xml/>"), make_plain_alert).outcome;
    if (outcome == Outcome::completed) ++completed;
    if (outcome == Outcome::already_done) ++done;
  });
  EXPECT_EQ(completed, 1);
  EXPECT_EQ(done, 7);
  EXPECT_EQ(store_.alerts().size(), 1U);
  EXPECT_EQ(store_.find(reservation.graceid)->upload_count, 8);
}

TEST_F(Store, GivesConcurrentReservationsDistinctNumbers) {
  std::mutex mutex;
  std::set<std::string> graceids;
  in_threads(8, [&] {
    for (int n = 0; n < 25; ++n) {
      const Event event = store_.reserve(submission());
      const std::lock_guard lock(mutex);
      graceids.insert(event.graceid);
    }
  });
  EXPECT_EQ(graceids.size(), 200U);
}

TEST_F(Store, KeepsArbitraryBytes) {
  std::string bytes;
  for (int i = 0; i < 70000; ++i)
    bytes += static_cast<char>(i * 7);
  const Event event = store_.create(submission(), upload(bytes), make_alert()).event.value();
  EXPECT_EQ(store_.file(event, "coinc.xml", 0), bytes);
  store_.add_file(event, "empty", "");
  EXPECT_EQ(store_.file(event, "empty", {}), "");
}

TEST_F(Store, KeepsEachVersionOfAFile) {
  const Event event = create(submission());
  EXPECT_EQ(store_.add_file(event, "plot.png", "one"), 0);
  EXPECT_EQ(store_.add_file(event, "plot.png", "two"), 1);
  EXPECT_EQ(store_.file(event, "plot.png", {}), "two");
  EXPECT_EQ(store_.file(event, "plot.png", 0), "one");
  EXPECT_FALSE(store_.file(event, "plot.png", 2));
  EXPECT_FALSE(store_.file(event, "other.png", {}));
}

TEST_F(Store, FindsAnEventByContentId) {
  const Event event = create(submission());
  EXPECT_EQ(store_.find(kafka::content_id("contents"))->graceid, event.graceid);
}

TEST_F(Store, FindsAnEventOfAnyPrefixByPrefixG) {
  create(submission("Test"));
  EXPECT_EQ(store_.find("G0001")->graceid, "T0001");
  EXPECT_FALSE(store_.find("M0001"));
}

TEST_F(Store, AddsALabelOnce) {
  const Event event = create(submission());
  EXPECT_TRUE(store_.add_label(event, "INJ", "albert"));
  EXPECT_FALSE(store_.add_label(event, "INJ", "marie"));
  EXPECT_EQ(store_.labels(event).at(0).creator, "albert");
  EXPECT_TRUE(store_.remove_label(event, "INJ"));
  EXPECT_FALSE(store_.remove_label(event, "INJ"));
  EXPECT_THAT(store_.labels(event), IsEmpty());
}

TEST_F(Store, NumbersLogEntriesFromOne) {
  const Event event = create(submission());
  const LogEntry entry = store_.add_log(
      event,
      {.comment = "hello", .issuer = "marie", .tags = {"em"}, .file_name = "a.txt", .contents = "text"});
  EXPECT_EQ(entry.number, 2) << "the first is that of the event file";
  const auto log = store_.log(event);
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].file_name, "coinc.xml");
  EXPECT_EQ(log[1].comment, "hello");
  EXPECT_EQ(log[1].file_version, 0);
  EXPECT_THAT(log[1].tags, ElementsAre("em"));
  EXPECT_TRUE(store_.add_tag(event, 2, "pe"));
  EXPECT_FALSE(store_.add_tag(event, 2, "pe"));
  EXPECT_TRUE(store_.remove_tag(event, 2, "em"));
  EXPECT_FALSE(store_.remove_tag(event, 2, "em"));
  EXPECT_THAT(store_.log(event)[1].tags, ElementsAre("pe"));
}

TEST_F(Store, ListsOnlyCompleteEvents) {
  store_.reserve(submission());
  create(submission());
  EXPECT_THAT(found(""), ElementsAre("G0002"));
}

TEST_F(Store, ListsPages) {
  for (int i = 0; i < 5; ++i)
    create(submission());
  EventFilter filter;
  filter.order = parse_event_order("graceid");
  const EventPage page = store_.list(filter, 2, 2);
  EXPECT_EQ(page.total, 5);
  ASSERT_EQ(page.events.size(), 2U);
  EXPECT_EQ(page.events[0].graceid, "G0003");
  EXPECT_EQ(page.events[1].graceid, "G0004");
}

class EventQuery : public Store {
 protected:
  EventQuery() {
    EventFacts loud;
    loud.far = 1e-9;
    loud.gpstime = 1000;
    EventFacts quiet;
    quiet.far = 1e-3;
    quiet.gpstime = 2000.5;
    create(submission("CBC", "gstlal", "AllSky"), loud);  // G0001
    create(submission("Burst", "CWB", "BBH"), quiet);     // G0002
    create(submission("Test", "gstlal", "AllSky"));       // T0003
    create(submission("CBC", "MBTA", "MDC"));             // M0004
    Submission replayed = submission("CBC", "spiir", {});
    replayed.replay_id = "Run-7";
    replayed.submitter = "marie.curie";
    const Event labelled = create(replayed);  // G0005
    store_.add_label(labelled, "INJ", "x");
    store_.add_label(labelled, "DQV", "x");
    store_.add_label(store_.find("G0001").value(), "INJ", "x");
  }
};

TEST_F(EventQuery, ExcludesTestAndMdcUnlessNamed) {
  EXPECT_THAT(found(""), UnorderedElementsAre("G0001", "G0002", "G0005"));
  EXPECT_THAT(found("Test"), ElementsAre("T0003"));
  EXPECT_THAT(found("search: MDC"), ElementsAre("M0004"));
  EXPECT_THAT(found("T0003"), ElementsAre("T0003"));
}

TEST_F(EventQuery, FindsNamesWithOrWithoutKeywordInAnyCase) {
  EXPECT_THAT(found("group: CBC"), UnorderedElementsAre("G0001", "G0005"));
  EXPECT_THAT(found("cbc GSTLAL"), ElementsAre("G0001"));
  EXPECT_THAT(found("pipeline: cwb"), ElementsAre("G0002"));
  EXPECT_THAT(found("submitter: \"marie.curie\""), ElementsAre("G0005"));
  EXPECT_THAT(found("superevent: S190521r"), IsEmpty());
}

TEST_F(EventQuery, TreatsNamesOfOneKindAsAlternatives) {
  EXPECT_THAT(found("gstlal CWB"), UnorderedElementsAre("G0001", "G0002"));
  EXPECT_THAT(found("G0001 G0005"), UnorderedElementsAre("G0001", "G0005"));
}

TEST_F(EventQuery, FindsARangeOfGraceids) {
  EXPECT_THAT(found("G0001 .. G0003"), UnorderedElementsAre("G0001", "G0002", "T0003"));
}

TEST_F(EventQuery, ComparesNumbers) {
  EXPECT_THAT(found("far < 1e-7"), ElementsAre("G0001"));
  EXPECT_THAT(found("far>=1e-3"), ElementsAre("G0002"));
  EXPECT_THAT(found("gpstime: 999 .. 1001"), ElementsAre("G0001"));
  EXPECT_THAT(found("gpstime: 2000.5"), ElementsAre("G0002"));
  EXPECT_THAT(found("gpstime: 1500..3000"), ElementsAre("G0002"));
}

TEST_F(EventQuery, ComparesCreationTimes) {
  EXPECT_EQ(found("created: yesterday .. now").size(), 3U);
  EXPECT_EQ(found("created: today").size(), 3U);
  EXPECT_EQ(found("created > 2015-09-14").size(), 3U);
  EXPECT_EQ(found("created >= \"2015-09-14 09:50:45\"").size(), 3U);
  EXPECT_THAT(found("created: 2015-09-14 09:50:45 .. 2016-01-01T00:00:00"), IsEmpty());
  EXPECT_THAT(found("created < 2 days ago"), IsEmpty());
}

TEST_F(EventQuery, CombinesLabels) {
  EXPECT_THAT(found("label: INJ"), UnorderedElementsAre("G0001", "G0005"));
  EXPECT_THAT(found("label: INJ & ~DQV"), ElementsAre("G0001"));
  EXPECT_THAT(found("label: DQV | PE_READY"), ElementsAre("G0005"));
  EXPECT_THAT(found("label: INJ & (DQV | PE_READY)"), ElementsAre("G0005"));
  EXPECT_THAT(found("CBC ~INJ"), IsEmpty());
  EXPECT_THAT(found("INJ spiir"), ElementsAre("G0005"));
}

TEST_F(EventQuery, ComparesReplayIdsCaseSensitively) {
  EXPECT_THAT(found("replay_id: Run-7"), ElementsAre("G0005"));
  EXPECT_THAT(found("replay_id: run-7"), IsEmpty());
}

TEST_F(EventQuery, RejectsMalformedQueries) {
  for (const char* query :
       {"nonsense", "far <", "far < x", "gpstime: 1 ..", "label: INJ &", "label: (INJ", "group > CBC",
        "color: red", "\"open", "created: someday", ")", "..", "id: X1", "G0001 .. INJ"}) {
    EXPECT_THROW(found(query), InvalidQuery) << query;
  }
  EXPECT_THROW(found("label: " + std::string(10000, '(')), InvalidQuery);
  EXPECT_THROW(found("label: " + std::string(10000, '~') + "INJ"), InvalidQuery);
}

TEST_F(EventQuery, CannotInjectSql) {
  EXPECT_THAT(found("submitter: \"x' OR '1'='1\""), IsEmpty());
  EXPECT_THROW(parse_event_order("created; DROP TABLE events"), InvalidQuery);
}

TEST_F(EventQuery, SortsByAnyField) {
  EventFilter filter = parse_event_query("far > 0", now());
  filter.order = parse_event_order("-far");
  EXPECT_EQ(store_.list(filter, 0, 10).events.front().graceid, "G0002");
  filter.order = parse_event_order("far,-created");
  EXPECT_EQ(store_.list(filter, 0, 10).events.front().graceid, "G0001");
}

}  // namespace
}  // namespace gracedb::sandbox

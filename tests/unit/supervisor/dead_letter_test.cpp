#include "supervisor/dead_letter.hpp"

#include "support/fake_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace gracedb::supervisor {
namespace {

using ::testing::Contains;
using ::testing::Pair;

const Reporter reporter{.group = "supervisors", .process = "host-17"};

kafka::Message message() {
  kafka::Message made;
  made.topic = "gracedb-test.gstlal";
  made.partition = 3;
  made.offset = 41;
  made.headers = {{"trace", "\x01\xff"}};
  return made;
}

TEST(DeadLetterHeaders, AreThoseOfKafkaConnectBehindTheMessagesOwn) {
  const auto headers = dead_letter_headers(message(), {Rejection::Kind::refused, "409 Conflict"}, reporter);
  const kafka::Headers expected{{"trace", "\x01\xff"},
                                {"__connect.errors.topic", "gracedb-test.gstlal"},
                                {"__connect.errors.partition", "3"},
                                {"__connect.errors.offset", "41"},
                                {"__connect.errors.connector.name", "supervisors"},
                                {"__connect.errors.task.id", "host-17"},
                                {"__connect.errors.stage", "TASK_PUT"},
                                {"__connect.errors.class.name", "gracedb-kafka-supervisor"},
                                {"__connect.errors.exception.class.name", "refused"},
                                {"__connect.errors.exception.message", "409 Conflict"}};
  EXPECT_EQ(headers, expected);
}

TEST(DeadLetterHeaders, HoldNoToken) {
  const std::string token = test_support::fake_token({{"sub", "albert"}});
  const auto headers =
      dead_letter_headers(message(), {Rejection::Kind::schema, "it says " + token}, reporter);
  EXPECT_THAT(headers, Contains(Pair("__connect.errors.exception.message", "it says [token]")));
}

TEST(DeadLetterOrigin, IsReadBackWithTheMessagesOwnHeaders) {
  const auto origin =
      origin_of(dead_letter_headers(message(), {Rejection::Kind::label, "no label"}, reporter));
  ASSERT_TRUE(origin);
  EXPECT_EQ(name_of(origin->place), "gracedb-test.gstlal-3-41");
  EXPECT_EQ(origin->reason, "label");
  EXPECT_EQ(origin->detail, "no label");
  EXPECT_EQ(origin->original, message().headers);
}

TEST(DeadLetterOrigin, IsNotTakenFromHeadersThatCameWithTheMessage) {
  kafka::Message forged = message();
  forged.headers = {{"__connect.errors.topic", "elsewhere.gstlal"},
                    {"__connect.errors.partition", "0"},
                    {"__connect.errors.offset", "1"},
                    {"__connect.errors.exception.class.name", "none"}};
  const auto origin = origin_of(dead_letter_headers(forged, {Rejection::Kind::schema, ""}, reporter));
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->place, Place::of(forged));
  EXPECT_EQ(origin->reason, "schema");
  EXPECT_EQ(origin->original, forged.headers);
}

TEST(DeadLetterOrigin, IsMissingWhereTheHeadersAre) {
  EXPECT_FALSE(origin_of({}));
  EXPECT_FALSE(origin_of({{"__connect.errors.topic", "a"}, {"__connect.errors.partition", "0"}}));
  EXPECT_FALSE(origin_of({{"__connect.errors.topic", "a"},
                          {"__connect.errors.partition", "0"},
                          {"__connect.errors.offset", "one"}}));
}

}  // namespace
}  // namespace gracedb::supervisor

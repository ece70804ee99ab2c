#include "gracedb/kafka/upload_message.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <stdexcept>

namespace gracedb::kafka {
namespace {

using nlohmann::json;

TEST(PingMessage, HasTheFieldsOfTheSchema) {
  PingMessage message;
  message.timestamp = 1789000000.5;
  message.sub = "pipeline";
  EXPECT_EQ(json::parse(build_ping_message(message)), json({{"type", "ping"},
                                                            {"timestamp", 1789000000.5},
                                                            {"client", "gracedb-kafka"},
                                                            {"sub", "pipeline"},
                                                            {"scope", nullptr}}));
}

TEST(PingMessage, RoundTrips) {
  const PingMessage back =
      parse_ping_message(build_ping_message({1.5, "ligo-gracedb", "me", "kafka.produce"}));
  EXPECT_EQ(back.timestamp, 1.5);
  EXPECT_EQ(back.client, "ligo-gracedb");
  EXPECT_EQ(back.sub, "me");
  EXPECT_EQ(back.scope, "kafka.produce");
}

TEST(PingMessage, RejectsWhatTheSchemaRejects) {
  for (const char* text :
       {"", "[]", R"({"type":"upload","timestamp":1,"client":"x"})", R"({"type":"ping","client":"x"})",
        R"({"type":"ping","timestamp":"1","client":"x"})", R"({"type":"ping","timestamp":1})",
        R"({"type":"ping","timestamp":1,"client":"x","sub":1})"}) {
    EXPECT_THROW(parse_ping_message(text), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace gracedb::kafka

#include "sandbox/graceid.hpp"

#include <gtest/gtest.h>

namespace gracedb::sandbox {
namespace {

TEST(GraceidPrefix, TakesTheFirstRuleThatFits) {
  EXPECT_EQ(graceid_prefix("Test", "HardwareInjection", "MDC"), 'T');
  EXPECT_EQ(graceid_prefix("CBC", "HardwareInjection", "MDC"), 'M');
  EXPECT_EQ(graceid_prefix("Detchar", "HardwareInjection", {}), 'H');
  EXPECT_EQ(graceid_prefix("Detchar", "gstlal", {}), 'D');
  EXPECT_EQ(graceid_prefix("External", "Fermi", "GRB"), 'E');
  EXPECT_EQ(graceid_prefix("CBC", "gstlal", "AllSky"), 'G');
}

TEST(Graceid, HasFourDigitsAtLeast) {
  EXPECT_EQ(format_graceid('T', 7), "T0007");
  EXPECT_EQ(format_graceid('G', 123456), "G123456");
}

TEST(EventId, IsAGraceid) {
  const auto id = parse_event_id("T0007");
  ASSERT_TRUE(id);
  const auto graceid = std::get<Graceid>(*id);
  EXPECT_EQ(graceid.prefix, 'T');
  EXPECT_EQ(graceid.number, 7);
}

TEST(EventId, WithLetterGNamesAnEventOfAnyPrefix) {
  const auto graceid = std::get<Graceid>(*parse_event_id("G12"));
  EXPECT_TRUE(graceid.names('T'));
  EXPECT_TRUE(graceid.names('G'));
  EXPECT_FALSE(std::get<Graceid>(*parse_event_id("T12")).names('M'));
}

TEST(EventId, IsAContentIdInAnyCase) {
  const auto id = parse_event_id("DF4DB7A5-d336-21bf-7328-de505fd9861c");
  ASSERT_TRUE(id);
  EXPECT_EQ(std::get<ContentId>(*id), "df4db7a5-d336-21bf-7328-de505fd9861c");
}

TEST(EventId, IsNothingElse) {
  for (const char* text : {"", "T", "T12x", "X12", "T-1", "S190521r", "df4db7a5-d336-21bf-7328-de505fd9861",
                           "df4db7a5xd336-21bf-7328-de505fd9861c", "T99999999999999999999"}) {
    EXPECT_FALSE(parse_event_id(text)) << text;
  }
}

}  // namespace
}  // namespace gracedb::sandbox

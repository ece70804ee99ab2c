#include "gracedb-kafka-supervisor/sizes.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace gracedb::supervisor {
namespace {

TEST(ParseSize, KnowsBytesThousandsAndTheirPowersOfTwo) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("1048576"), 1'048'576U);
  EXPECT_EQ(parse_size("12B"), 12U);
  EXPECT_EQ(parse_size("3kB"), 3'000U);
  EXPECT_EQ(parse_size("256MB"), 256'000'000U);
  EXPECT_EQ(parse_size("2GB"), 2'000'000'000U);
  EXPECT_EQ(parse_size("1KiB"), 1'024U);
  EXPECT_EQ(parse_size("256MiB"), 268'435'456U);
  EXPECT_EQ(parse_size("1GiB"), 1'073'741'824U);
}

TEST(ParseSize, RefusesWhatIsNoSize) {
  for (const char* text : {"", "MiB", "-1", "1.5GiB", "12x", "12 MiB", "12mb", "99999999999999999999",
                           "18446744073709551615kB"}) {
    EXPECT_THROW(parse_size(text), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace gracedb::supervisor

#include "http/address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace gracedb::http {
namespace {

TEST(Address, ParsesHostAndPort) {
  EXPECT_EQ(parse_address("127.0.0.1:8080"), (Address{"127.0.0.1", 8080}));
  EXPECT_EQ(parse_address("[::1]:0"), (Address{"::1", 0}));
  EXPECT_EQ(parse_address("localhost:80"), (Address{"localhost", 80}));
}

TEST(Address, DefaultsToTheLoopbackAddress) {
  EXPECT_EQ(parse_address(":8080"), (Address{"127.0.0.1", 8080}));
  EXPECT_EQ(parse_address("8080"), (Address{"127.0.0.1", 8080}));
}

TEST(Address, RejectsMalformedTextAndQuotesIt) {
  for (const char* text : {"", "localhost", "127.0.0.1:", ":80a", ":-1", ":65536", "::1", "[]:80"}) {
    try {
      parse_address(text);
      ADD_FAILURE() << text << " was accepted";
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(std::string("'") + text + "'"));
    }
  }
}

TEST(Address, RoundTripsThroughText) {
  for (const char* text : {"127.0.0.1:8080", "[::1]:0", "example.org:443"})
    EXPECT_EQ(to_text(parse_address(text)), text);
}

}  // namespace
}  // namespace gracedb::http

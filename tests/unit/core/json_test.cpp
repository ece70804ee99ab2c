#include "core/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <stdexcept>
#include <string>

namespace gracedb {
namespace {

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(ParseJson, AcceptsTheDepthItPromises) {
  EXPECT_EQ(dump_json(parse_json(nested(max_json_depth))), nested(max_json_depth));
}

TEST(ParseJson, RejectsDeeperNestingWithoutUsingTheStack) {
  EXPECT_THROW(parse_json(nested(max_json_depth + 1)), std::invalid_argument);
  EXPECT_THROW(parse_json(nested(1'000'000)), std::invalid_argument);
  EXPECT_THROW(parse_json(std::string(1'000'000, '[')), std::invalid_argument);
}

TEST(ParseJson, RejectsWhatIsNotJsonWithoutTheNameOfALibrary) {
  for (const char* text : {"", "{", "{\"a\":}", "\xff", "1e999", "[1,]"}) {
    try {
      parse_json(text);
      FAIL() << text;
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), ::testing::Not(::testing::HasSubstr("json.exception"))) << text;
    }
  }
}

TEST(DumpJson, ReplacesInvalidUtf8) { EXPECT_EQ(dump_json("a\xff"), "\"a\xef\xbf\xbd\""); }

}  // namespace
}  // namespace gracedb

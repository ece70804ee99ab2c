#include "kafka/json_text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <string>

namespace gracedb::kafka {
namespace {

using nlohmann::json;

TEST(JsonText, IsWrittenAsTheLibraryWritesIt) {
  const json values = {
      nullptr,
      true,
      0,
      -7,
      std::numeric_limits<std::int64_t>::min(),
      std::numeric_limits<std::uint64_t>::max(),
      1.5e-7,
      1e300,
      std::numeric_limits<double>::infinity(),
      "",
      "plain text of some length",
      "quote \" backslash \\ line\nend \x01 tab\t",
      "seven \x7f and gravitational waves \xF0\x9F\x8C\x8C",
      json::array(),
      json::object(),
      {{"a", {1, 2, {{"b", nullptr}}}}, {"key with \"", "x"}, {"", "empty"}},
  };
  for (const json& value : values)
    EXPECT_EQ(to_text(value), value.dump());
  EXPECT_EQ(to_text(values), values.dump());
}

TEST(JsonText, EscapesWhateverNeedsItWhereverItStands) {
  for (int character = 0; character < 128; ++character) {
    for (std::size_t at = 0; at < 17; ++at) {
      std::string text(17, 'x');
      text[at] = static_cast<char>(character);
      EXPECT_EQ(to_text(text), json(text).dump()) << character << " at " << at;
    }
  }
}

TEST(JsonText, IsNotWrittenWhereAStringIsNotUtf8) {
  EXPECT_THROW(to_text({{"name", "\xff"}}), json::type_error);
}

TEST(JsonText, IsReadAsTheLibraryReadsIt) {
  for (const char* text :
       {"null", "true", " [1, -2, 3.5, 1e3, -0.0] ", R"({"a": {"b": [{}, [], ""]}})", "18446744073709551615",
        "-9223372036854775808", "123456789012345678901234567890", R"({"twice": 1, "twice": 2})",
        R"("\u00e9\ud83c\udf0c\n\/")", "\"\xF0\x9F\x8C\x8C\"", "\xEF\xBB\xBF{}"}) {
    const json expected = json::parse(text);
    const json found = from_text(text);
    EXPECT_EQ(found, expected) << text;
    EXPECT_EQ(found.type(), expected.type()) << text;
  }
}

TEST(JsonText, IsReadHoweverDeepOrLongItIs) {
  const json deep = from_text(std::string(5'000, '[') + std::string(5'000, ']'));
  // Step by step: to compare them would take more stack than the sanitizers leave.
  std::size_t depth = 0;
  for (const json* each = &deep; each != nullptr; each = each->empty() ? nullptr : &each->front()) {
    ASSERT_TRUE(each->is_array());
    ASSERT_LE(each->size(), 1U);
    ++depth;
  }
  EXPECT_EQ(depth, 5'000U);
  const json long_text = std::string(std::size_t{3} << 20U, 'x');
  EXPECT_EQ(from_text(long_text.dump()), long_text);
}

TEST(JsonText, IsRefusedWhereItIsNone) {
  for (const char* text : {"", "{", R"({"a":})", "nul", "1 2", "\"\xff\"", R"("\ud800")", "'a'", "[1,]"})
    EXPECT_THROW(from_text(text), json::parse_error) << text;
}

}  // namespace
}  // namespace gracedb::kafka

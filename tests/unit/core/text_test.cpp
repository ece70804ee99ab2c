#include "core/text.hpp"

#include "support/fake_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace gracedb {
namespace {

TEST(SafeLine, ReplacesControlCharactersBySpaces) {
  EXPECT_EQ(safe_line(" refused\r\n\tWATCHDOG=1\x01 \n."), "refused WATCHDOG=1");
  EXPECT_EQ(safe_line(""), "");
}

TEST(SafeLine, CutsAtACharacterBoundary) {
  std::string text;
  for (int i = 0; i < 1'000; ++i)
    text += "ü";
  const std::string line = safe_line(text);
  EXPECT_LE(line.size(), 300U);
  EXPECT_THAT(line, ::testing::EndsWith("ü…"));
}

TEST(SafeLine, RedactsTokens) {
  const std::string token = test_support::fake_token("ANY", "gracedb.read", std::chrono::system_clock::now());
  EXPECT_EQ(safe_line("refused " + token), "refused [token]");
}

TEST(JoinLines, JoinsTheLinesOfAList) {
  EXPECT_EQ(join_lines("No token was found.\n  $SCITOKEN: not set\n\n  $BEARER_TOKEN: expired.\n"),
            "No token was found; $SCITOKEN: not set; $BEARER_TOKEN: expired");
  EXPECT_EQ(join_lines("one"), "one");
  EXPECT_EQ(join_lines("\n"), "");
}

TEST(Utf8, AcceptsWellFormedText) {
  for (const char* text : {"", "plain", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8c\x8c"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
}

TEST(Utf8, RejectsTruncatedOverlongAndSurrogateSequences) {
  for (const char* bytes : {"\xff", "\x80", "a\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                            "\xf4\x90\x80\x80", "\xe2\x82", "\xc3(", "\xf8\x88\x80\x80\x80"}) {
    EXPECT_FALSE(is_utf8(bytes)) << printable(bytes);
  }
}

TEST(Printable, KeepsTextAndEscapesControlCharacters) {
  EXPECT_EQ(printable("Einstein \xe2\x82\xac\n\tend"), "Einstein \xe2\x82\xac\n\tend");
  EXPECT_EQ(printable("\033[2Jgone"), "\\x1b[2Jgone");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");
  EXPECT_EQ(printable("a\xff"), "a\\xff");
}

TEST(Printable, EscapesNewlinesInPrintableLine) { EXPECT_EQ(printable_line("a\nb\tc\r"), "a\\nb\\tc\\x0d"); }

TEST(FormatSize, Rounds) {
  EXPECT_EQ(format_size(812), "812 B");
  EXPECT_EQ(format_size(14'234), "14.2 kB");
  EXPECT_EQ(format_size(999'990), "1.0 MB");
  EXPECT_EQ(format_size(3'100'000), "3.1 MB");
}

TEST(CountOf, AddsAPluralS) {
  EXPECT_EQ(count_of(1, "message"), "1 message");
  EXPECT_EQ(count_of(0, "message"), "0 messages");
}

TEST(ToLower, ChangesAsciiLettersOnly) { EXPECT_EQ(to_lower("GstLAL-\xc3\x84"), "gstlal-\xc3\x84"); }

}  // namespace
}  // namespace gracedb

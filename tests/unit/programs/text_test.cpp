#include "common/text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gracedb::programs {
namespace {

TEST(Utf8, IsToldFromOtherBytes) {
  for (const char* text : {"", "plain", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8c\x8c"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
}

TEST(Utf8, IsRefusedWhereItIsCutOverlongOrASurrogate) {
  for (const char* bytes : {"\xff", "\x80", "a\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                            "\xf4\x90\x80\x80", "\xe2\x82", "\xc3(", "\xf8\x88\x80\x80\x80"}) {
    EXPECT_FALSE(is_utf8(bytes)) << printable(bytes);
  }
}

TEST(Base64, IsPadded) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64(std::string("\xff\xfe\0b", 4)), "//4AYg==");
}

TEST(Printable, LeavesTextAloneAndEscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("Einstein \xe2\x82\xac\n\tend"), "Einstein \xe2\x82\xac\n\tend");
  EXPECT_EQ(printable("\033[2Jgone"), "\\x1b[2Jgone");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");
  EXPECT_EQ(printable("a\xff"), "a\\xff");
}

TEST(Printable, KeepsOneLineOneLine) { EXPECT_EQ(printable_line("a\nb\tc\r"), "a\\nb\\tc\\x0d"); }

TEST(Sizes, AreRounded) {
  EXPECT_EQ(format_size(812), "812 B");
  EXPECT_EQ(format_size(14'234), "14.2 kB");
  EXPECT_EQ(format_size(999'990), "1.0 MB");
  EXPECT_EQ(format_size(3'100'000), "3.1 MB");
}

TEST(Counts, HaveAPlural) {
  EXPECT_EQ(count_of(1, "message"), "1 message");
  EXPECT_EQ(count_of(0, "message"), "0 messages");
}

}  // namespace
}  // namespace gracedb::programs

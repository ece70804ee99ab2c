#include "kafka/base64.hpp"

#include <gtest/gtest.h>

#include <random>

namespace gracedb::kafka {
namespace {

std::string encoded(std::string_view bytes) {
  std::string text;
  append_base64(text, bytes);
  return text;
}

TEST(Base64, AgreesWithTheExamplesOfTheStandard) {
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encoded("\xfb\xff"), "+/8=");
}

TEST(Base64, GivesBackEveryLengthOfBytes) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> byte(0, 255);
  std::string bytes;
  for (int size = 0; size < 300; ++size) {
    EXPECT_EQ(encoded(bytes).size(), base64_size(bytes.size()));
    EXPECT_EQ(decode_base64(encoded(bytes)), bytes);
    bytes.push_back(static_cast<char>(byte(random)));
  }
}

TEST(Base64, AppendsToWhatIsThere) {
  std::string text = "before ";
  append_base64(text, "foo");
  EXPECT_EQ(text, "before Zm9v");
}

TEST(Base64, RefusesWhatIsNotTheStandardAlphabetOrLength) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "====", "=", "Z===", "Zm9v\n", " Zm9v",
                           "Zm 9v===", "Zm=v", "Zg==Zg==", "Zm9-", "Zm9_", "Zm9\xc3"}) {
    EXPECT_FALSE(decode_base64(text)) << text;
  }
}

}  // namespace
}  // namespace gracedb::kafka

#include "core/safe_line.hpp"

#include "support/fake_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace gracedb {
namespace {

TEST(SafeLine, IsOneLineWhateverTheTextHad) {
  EXPECT_EQ(safe_line(" refused\r\n\tWATCHDOG=1\x01 \n."), "refused WATCHDOG=1");
  EXPECT_EQ(safe_line(""), "");
}

TEST(SafeLine, IsCutBetweenTwoCharacters) {
  std::string text;
  for (int i = 0; i < 1'000; ++i)
    text += "ü";
  const std::string line = safe_line(text);
  EXPECT_LE(line.size(), 300U);
  EXPECT_THAT(line, ::testing::EndsWith("ü…"));
}

TEST(SafeLine, HoldsNoToken) {
  const std::string token = test_support::fake_token("ANY", "gracedb.read", std::chrono::system_clock::now());
  EXPECT_EQ(safe_line("refused " + token), "refused [token]");
}

TEST(OnOneLine, JoinsTheLinesOfAList) {
  EXPECT_EQ(on_one_line("No token was found.\n  $SCITOKEN: not set\n\n  $BEARER_TOKEN: expired.\n"),
            "No token was found; $SCITOKEN: not set; $BEARER_TOKEN: expired");
  EXPECT_EQ(on_one_line("one"), "one");
  EXPECT_EQ(on_one_line("\n"), "");
}

}  // namespace
}  // namespace gracedb

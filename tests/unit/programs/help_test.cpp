#include "common/help.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace gracedb::programs {
namespace {

TEST(Help, HasTwoColumns) {
  EXPECT_EQ(lay_out({{"Options", {{"-a", "first"}, {"-b", ""}}}, {"Empty", {}}, {"More", {{"-c", "third"}}}}),
            "Options:\n"
            "  -a                            first\n"
            "  -b\n"
            "\n"
            "More:\n"
            "  -c                            third\n");
}

TEST(Help, PutsTheMeaningOfALongNameBelow) {
  EXPECT_EQ(lay_out({{"Options", {{"--a-very-long-name-of-an-option", "meaning"}}}}),
            "Options:\n"
            "  --a-very-long-name-of-an-option\n"
            "                                meaning\n");
}

TEST(Help, NeverPassesTheWidthWhereThereAreBlanks) {
  std::string meaning;
  for (int i = 0; i < 60; ++i)
    meaning += "word ";
  std::istringstream lines(lay_out({{"Options", {{"-a", meaning}}}}));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count)
    EXPECT_LE(line.size(), 100U) << line;
  EXPECT_GT(count, 4);
}

TEST(Help, LeavesAWordThatIsTooLongWhole) {
  const std::string url(120, 'x');
  EXPECT_NE(lay_out({{"Options", {{"-a", url + " end"}}}}).find(url), std::string::npos);
}

}  // namespace
}  // namespace gracedb::programs

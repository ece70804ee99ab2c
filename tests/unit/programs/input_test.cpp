#include "gracedb-kafka/input.hpp"

#include "common/exit_code.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <vector>

namespace gracedb::cli {
namespace {

using test_support::TemporaryDirectory;
using testing::ElementsAre;

std::vector<std::string> lines_of(const std::string& path) {
  LineReader reader(path, [] { return true; });
  std::vector<std::string> lines;
  for (std::string line; reader.next(line);)
    lines.push_back(line);
  return lines;
}

TEST(Input, IsReadByteForByte) {
  const TemporaryDirectory folder;
  const std::string bytes("a\0\r\n\xff", 5);
  EXPECT_EQ(read_input(folder.write("file", bytes).string()), bytes);
}

TEST(Input, IsNamedWhereItCannotBeRead) {
  const TemporaryDirectory folder;
  EXPECT_THROW(read_input((folder.path() / "none").string()), programs::UsageError);
  EXPECT_THROW(read_input(folder.path().string()), programs::UsageError);
}

TEST(Lines, ComeWithoutTheirNewline) {
  const TemporaryDirectory folder;
  EXPECT_THAT(lines_of(folder.write("file", "one\n\nthree\n").string()), ElementsAre("one", "", "three"));
}

TEST(Lines, IncludeALastOneWithoutNewline) {
  const TemporaryDirectory folder;
  EXPECT_THAT(lines_of(folder.write("file", "one\ntwo").string()), ElementsAre("one", "two"));
  EXPECT_TRUE(lines_of(folder.write("empty", "").string()).empty());
}

TEST(Lines, MayBeLongerThanTheBuffer) {
  const TemporaryDirectory folder;
  const std::string longest(300'000, 'x');
  EXPECT_THAT(lines_of(folder.write("file", longest + "\nend\n").string()), ElementsAre(longest, "end"));
}

TEST(Lines, EndWhereTheReaderIsToldToWhileItWaits) {
  const TemporaryDirectory folder;
  const std::string pipe = (folder.path() / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  // Open for writing too, so that the pipe is empty but not at its end.
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> writer(std::fopen(pipe.c_str(), "r+"), &std::fclose);
  int asked = 0;
  LineReader reader(pipe, [&asked] { return ++asked < 2; });
  std::string line;
  EXPECT_FALSE(reader.next(line));
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace gracedb::cli

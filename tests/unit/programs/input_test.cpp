#include "gracedb-kafka/input.hpp"

#include "common/exit_code.hpp"
#include "common/output.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

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

TEST(Input, ReadsBytesUnchanged) {
  const TemporaryDirectory directory;
  const std::string bytes("a\0\r\n\xff", 5);
  EXPECT_EQ(read_input(directory.write("file", bytes).string()), bytes);
}

TEST(Input, RejectsMissingFileAndDirectory) {
  const TemporaryDirectory directory;
  EXPECT_THROW(read_input((directory.path() / "none").string()), programs::UsageError);
  EXPECT_THROW(read_input(directory.path().string()), programs::UsageError);
}

TEST(InputDeathTest, ClosedStandardInputIsNamed) {
  const auto program = [] {
    ::close(STDIN_FILENO);
    programs::reserve_standard_descriptors();
    try {
      read_input("-");
    } catch (const programs::UsageError& error) {
      programs::write_error(error.what());
    }
    try {
      std::string line;
      LineReader("-", [] { return true; }).next(line);
    } catch (const programs::UsageError& error) {
      programs::write_error(error.what());
      ::_exit(2);
    }
    ::_exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(2), "standard input is closed\nstandard input is closed\n");
}

TEST(LineReader, RemovesNewlines) {
  const TemporaryDirectory directory;
  EXPECT_THAT(lines_of(directory.write("file", "one\n\nthree\n").string()), ElementsAre("one", "", "three"));
}

TEST(LineReader, ReturnsLastLineWithoutNewline) {
  const TemporaryDirectory directory;
  EXPECT_THAT(lines_of(directory.write("file", "one\ntwo").string()), ElementsAre("one", "two"));
  EXPECT_TRUE(lines_of(directory.write("empty", "").string()).empty());
}

TEST(LineReader, ReturnsLinesLongerThanItsBuffer) {
  const TemporaryDirectory directory;
  const std::string longest(300'000, 'x');
  EXPECT_THAT(lines_of(directory.write("file", longest + "\nend\n").string()), ElementsAre(longest, "end"));
}

TEST(LineReader, EndsIfTheCallbackReturnsFalse) {
  const TemporaryDirectory directory;
  const std::string pipe = (directory.path() / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  // Also open for writing, so that the pipe is empty but not at its end.
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> writer(std::fopen(pipe.c_str(), "r+"), &std::fclose);
  int calls = 0;
  LineReader reader(pipe, [&calls] { return ++calls < 2; });
  std::string line;
  EXPECT_FALSE(reader.next(line));
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace gracedb::cli

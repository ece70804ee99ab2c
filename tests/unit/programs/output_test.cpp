#include "common/output.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <future>

namespace gracedb::programs {
namespace {

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  }
  ~Pipe() {
    close_reader();
    close_writer();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int writer() const { return ends_[1]; }
  void close_reader() { close_end(0); }
  void close_writer() { close_end(1); }
  std::string read_all() {
    std::string text;
    std::array<char, 4096> block{};
    for (ssize_t count = 1; count > 0;) {
      count = ::read(ends_[0], block.data(), block.size());
      if (count > 0) text.append(block.data(), static_cast<std::size_t>(count));
    }
    return text;
  }

 private:
  void close_end(std::size_t end) {
    if (ends_.at(end) >= 0) ::close(ends_.at(end));
    ends_.at(end) = -1;
  }
  std::array<int, 2> ends_{-1, -1};
};

TEST(Output, WritesWhatIsLargerThanThePipeWhole) {
  Pipe pipe;
  Output output(pipe.writer());
  const std::string text(1'000'000, 'x');
  auto reader = std::async(std::launch::async, [&pipe] { return pipe.read_all(); });
  output.write(text);
  pipe.close_writer();
  EXPECT_EQ(reader.get(), text);
  EXPECT_FALSE(output.busy());
}

TEST(Output, WaitsForAReaderWhereThePipeDoesNotBlock) {
  Pipe pipe;
  ASSERT_EQ(::fcntl(pipe.writer(), F_SETFL, O_NONBLOCK), 0);
  Output output(pipe.writer());
  const std::string text(1'000'000, 'x');
  auto reader = std::async(std::launch::async, [&pipe] { return pipe.read_all(); });
  output.write(text);
  pipe.close_writer();
  EXPECT_EQ(reader.get().size(), text.size());
}

TEST(Output, ThrowsWhereTheReaderHasGone) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.close_reader();
  Output output(pipe.writer());
  EXPECT_THROW(output.line("text"), BrokenPipe);
}

TEST(Output, ThrowsWhereTheDiskIsFull) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  Output output(full);
  EXPECT_THROW(output.line("text"), OutputError);
  ::close(full);
}

TEST(Style, ColoursOnlyWhereAsked) {
  EXPECT_EQ(Style(true).red("FAILED"), "\033[31;1mFAILED\033[0m");
  EXPECT_EQ(Style(false).red("FAILED"), "FAILED");
}

TEST(Style, IsPlainWhereTheOutputIsNoTerminal) {
  Pipe pipe;
  EXPECT_EQ(Style::of(pipe.writer()).bold("x"), "x");
}

}  // namespace
}  // namespace gracedb::programs

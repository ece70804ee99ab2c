#include "common/output.hpp"

#include "common/exit_code.hpp"
#include "core/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
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

TEST(Output, WritesMoreThanThePipeHolds) {
  Pipe pipe;
  Output output(pipe.writer());
  const std::string text(1'000'000, 'x');
  auto reader = std::async(std::launch::async, [&pipe] { return pipe.read_all(); });
  output.write(text);
  pipe.close_writer();
  EXPECT_EQ(reader.get(), text);
  EXPECT_FALSE(output.busy());
}

TEST(Output, WaitsForTheReaderOfANonBlockingPipe) {
  Pipe pipe;
  ASSERT_EQ(::fcntl(pipe.writer(), F_SETFL, O_NONBLOCK), 0);
  Output output(pipe.writer());
  const std::string text(1'000'000, 'x');
  auto reader = std::async(std::launch::async, [&pipe] { return pipe.read_all(); });
  output.write(text);
  pipe.close_writer();
  EXPECT_EQ(reader.get().size(), text.size());
}

TEST(Output, ThrowsBrokenPipe) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.close_reader();
  Output output(pipe.writer());
  EXPECT_THROW(output.line("text"), BrokenPipe);
}

TEST(Output, ThrowsIfTheDiskIsFull) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  Output output(full);
  EXPECT_THROW(output.line("text"), OutputError);
  ::close(full);
}

TEST(OutputDeathTest, ClosedStandardOutputIsNamed) {
  const auto program = [] {
    ::close(STDOUT_FILENO);
    reserve_standard_descriptors();
    // Without the reservation, this file would get the number of standard output.
    const int next = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    try {
      Output(STDOUT_FILENO).line("text");
    } catch (const OutputError& error) {
      write_error(error.what());
    }
    ::_exit(next > STDERR_FILENO ? 1 : 0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(1), "cannot write results: standard output is closed");
}

TEST(Style, AddsColoursIfEnabled) {
  EXPECT_EQ(Style(true).red("FAILED"), "\033[31;1mFAILED\033[0m");
  EXPECT_EQ(Style(false).red("FAILED"), "FAILED");
}

TEST(Style, HasNoColoursOnAPipe) {
  Pipe pipe;
  EXPECT_EQ(Style::of(pipe.writer()).bold("x"), "x");
}

TEST(LogSetup, ParsesLevelsAndFormats) {
  EXPECT_EQ(parse_log_level("warning"), LogLevel::warning);
  EXPECT_EQ(parse_log_level("off"), LogLevel::off);
  EXPECT_EQ(parse_log_format("json"), LogFormat::json);
  EXPECT_THROW(parse_log_level("loud"), UsageError);
  EXPECT_THROW(parse_log_format("xml"), UsageError);
}

TEST(LogSetup, WritesOneJsonObjectPerLine) {
  testing::internal::CaptureStderr();
  set_up_log(LogLevel::info, LogFormat::json);
  log::write(LogLevel::info, "gracedb.kafka", std::string_view("two\nlines \"quoted\""));
  log::write(LogLevel::debug, "gracedb.kafka", std::string_view("below the level"));
  set_up_log(LogLevel::warning, LogFormat::text);
  const std::string text = testing::internal::GetCapturedStderr();
  ASSERT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  const auto line = nlohmann::json::parse(text);
  EXPECT_EQ(line.at("level"), "info");
  EXPECT_EQ(line.at("logger"), "gracedb.kafka");
  EXPECT_EQ(line.at("message"), "two\nlines \"quoted\"");
  EXPECT_EQ(line.at("time").get<std::string>().back(), 'Z');
}

}  // namespace
}  // namespace gracedb::programs

#include "gracedb-kafka/input.hpp"

#include "common/exit_code.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace gracedb::cli {
namespace {

[[noreturn]] void unreadable(std::string_view name) {
  throw programs::UsageError(fmt::format("cannot read {}: {}", name, std::generic_category().message(errno)));
}

std::string name_of(std::string_view path) { return path == "-" ? "standard input" : std::string(path); }

int open_input(std::string_view path) {
  if (path == "-") return STDIN_FILENO;
  const std::string name(path);
  const int descriptor = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);  // NOLINT(*-vararg)
  if (descriptor < 0) unreadable(name);
  return descriptor;
}

// Appends what is there; false at the end.
bool read_more(int descriptor, std::string_view name, std::string& buffer) {
  constexpr std::size_t block = 1U << 16U;
  const std::size_t size = buffer.size();
  buffer.resize(size + block);
  ssize_t count = -1;
  do {
    count = ::read(descriptor, buffer.data() + size, block);
  } while (count < 0 && errno == EINTR);
  buffer.resize(size + static_cast<std::size_t>(count < 0 ? 0 : count));
  if (count < 0) unreadable(name);
  return count > 0;
}

}  // namespace

std::string read_input(std::string_view path) {
  std::string contents;
  const int descriptor = open_input(path);
  const struct Closer {
    int number;
    ~Closer() {
      if (number != STDIN_FILENO) ::close(number);
    }
  } closer{descriptor};
  while (read_more(descriptor, name_of(path), contents)) {
  }
  return contents;
}

LineReader::LineReader(std::string_view path, WhileWaiting while_waiting)
    : name_(name_of(path)), descriptor_(open_input(path)), while_waiting_(std::move(while_waiting)) {}

LineReader::~LineReader() {
  if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
}

// False if told to end.
bool LineReader::wait() {
  constexpr int pause = 100;
  pollfd input{.fd = descriptor_, .events = POLLIN, .revents = 0};
  while (::poll(&input, 1, pause) == 0) {
    if (!while_waiting_()) return false;
  }
  return true;
}

bool LineReader::next(std::string& line) {
  std::size_t searched = position_;
  while (true) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      line.assign(buffer_, position_, end - position_);
      position_ = end + 1;
      return true;
    }
    if (at_end_) break;
    buffer_.erase(0, position_);
    position_ = 0;
    searched = buffer_.size();
    if (!wait()) return false;
    at_end_ = !read_more(descriptor_, name_, buffer_);
  }
  if (position_ == buffer_.size()) return false;
  line.assign(buffer_, position_);
  position_ = buffer_.size();
  return true;
}

}  // namespace gracedb::cli

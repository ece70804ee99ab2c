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

bool is_standard_input(std::string_view path) { return path == "-"; }

std::string name_of(std::string_view path) {
  return is_standard_input(path) ? "standard input" : std::string(path);
}

[[noreturn]] void throw_unreadable(std::string_view name, int error) {
  if (error == EBADF) throw programs::UsageError(fmt::format("{} is closed", name));
  throw programs::UsageError(fmt::format("cannot read {}: {}", name, std::generic_category().message(error)));
}

UniqueFd open_input(std::string_view path) {
  if (is_standard_input(path)) return {};
  try {
    return open_file(path, O_RDONLY);
  } catch (const std::system_error& error) {
    throw_unreadable(path, error.code().value());
  }
}

}  // namespace

std::string read_input(std::string_view path) {
  const UniqueFd file = open_input(path);
  try {
    return read_all(file ? file.get() : STDIN_FILENO, path);
  } catch (const std::system_error& error) {
    throw_unreadable(name_of(path), error.code().value());
  }
}

LineReader::LineReader(std::string_view path, WhileWaiting while_waiting)
    : name_(name_of(path)),
      file_(open_input(path)),
      descriptor_(file_ ? file_.get() : STDIN_FILENO),
      while_waiting_(std::move(while_waiting)) {}

// False if the reader is to end.
bool LineReader::wait() const {
  constexpr int interval_ms = 100;
  pollfd input{.fd = descriptor_, .events = POLLIN, .revents = 0};
  while (::poll(&input, 1, interval_ms) == 0) {
    if (!while_waiting_()) return false;
  }
  return true;
}

// Appends the available input to the buffer; false at the end.
bool LineReader::read_more() {
  constexpr std::size_t block = 1U << 16U;
  const std::size_t size = buffer_.size();
  buffer_.resize(size + block);
  ssize_t count = -1;
  do {
    count = ::read(descriptor_, buffer_.data() + size, block);
  } while (count < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(size + static_cast<std::size_t>(count < 0 ? 0 : count));
  if (count < 0) throw_unreadable(name_, error);
  return count > 0;
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
    at_end_ = !read_more();
  }
  if (position_ == buffer_.size()) return false;
  line.assign(buffer_, position_);
  position_ = buffer_.size();
  return true;
}

}  // namespace gracedb::cli

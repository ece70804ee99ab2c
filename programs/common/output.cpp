#include "common/output.hpp"

#include "common/config_file.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace gracedb::programs {
namespace {

class Busy {
 public:
  explicit Busy(std::atomic<bool>& flag) : flag_(flag) { flag_ = true; }
  ~Busy() { flag_ = false; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  std::atomic<bool>& flag_;
};

}  // namespace

void Output::write(std::string_view text) {
  const Busy busy(busy_);
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor_, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      throw BrokenPipe("the reader of the results has gone");
    } else if (errno == EAGAIN) {
      pollfd ready{.fd = descriptor_, .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      throw OutputError(
          fmt::format("the results cannot be written: {}", std::generic_category().message(errno)));
    }
  }
}

void Output::line(std::string_view text) {
  std::string whole;
  whole.reserve(text.size() + 1);
  whole.append(text).append(1, '\n');
  write(whole);
}

Style Style::of(int descriptor) {
  const EnvironmentReader environment = process_environment();
  const bool wanted = !environment("NO_COLOR") && environment("TERM").value_or("dumb") != "dumb";
  return Style(wanted && ::isatty(descriptor) == 1);
}

std::string Style::paint(std::string_view code, std::string_view text) const {
  return colored_ ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

}  // namespace gracedb::programs

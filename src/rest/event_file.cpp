#include "rest/event_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace gracedb::rest {
namespace {

class Descriptor {
 public:
  explicit Descriptor(const char* path) : number_(open(path, O_RDONLY | O_CLOEXEC)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int number() const noexcept { return number_; }

 private:
  int number_;
};

[[noreturn]] void unreadable(std::string_view path, int error) {
  throw std::invalid_argument(
      fmt::format("cannot read {}: {}", path, std::generic_category().message(error)));
}

// One byte more than the size, so that the end of a regular file is seen without growing the buffer.
std::size_t expected_size(int descriptor) {
  constexpr std::size_t of_a_pipe = std::size_t{1} << 16U;
  struct stat status {};
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return of_a_pipe;
  return static_cast<std::size_t>(status.st_size) + 1;
}

std::string read_all(const std::string& path) {
  const Descriptor file(path.c_str());
  if (file.number() < 0) unreadable(path, errno);
  std::string contents;
  contents.resize(expected_size(file.number()));
  std::size_t length = 0;
  for (;;) {
    if (length == contents.size()) contents.resize(2 * length);
    const ssize_t got = read(file.number(), contents.data() + length, contents.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) unreadable(path, errno);
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  contents.resize(length);
  return contents;
}

std::string base_name(std::string_view filename) {
  if (filename.empty()) throw std::invalid_argument("no file name given");
  std::string name = std::filesystem::path(filename).filename();
  if (name.empty() || name == "." || name == "..") {
    throw std::invalid_argument(fmt::format("'{}' is not the name of a file", filename));
  }
  const bool has_control =
      std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (has_control) throw std::invalid_argument("the name of the file holds a control character");
  return name;
}

}  // namespace

EventFile::EventFile(std::string_view filename, const std::optional<std::string_view>& contents)
    : name_(base_name(filename)), lent_(contents) {
  if (!lent_) read_ = read_all(std::string(filename));
  if (this->contents().empty()) throw std::invalid_argument(fmt::format("file {} is empty", filename));
}

}  // namespace gracedb::rest

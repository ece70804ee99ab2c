#include "core/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace gracedb {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void throw_errno(int error, const char* action, const fs::path& path) {
  throw std::system_error(error, std::generic_category(), std::string(action) + " " + path.string());
}

// One byte more than the size, so that the end of a regular file is seen without growing the buffer.
std::size_t initial_buffer(int fd) {
  constexpr std::size_t pipe_buffer = std::size_t{1} << 16U;
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return pipe_buffer;
  return static_cast<std::size_t>(status.st_size) + 1;
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  const UniqueFd closing(std::exchange(fd_, std::exchange(other.fd_, -1)));
  return *this;
}

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

UniqueFd open_file(const fs::path& path, int flags, mode_t mode) {
  UniqueFd file(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!file) throw_errno(errno, "cannot open", path);
  return file;
}

std::string read_all(int fd, const fs::path& path, std::size_t max_size) {
  std::string contents;
  contents.resize(std::min(initial_buffer(fd), max_size == std::string::npos ? max_size : max_size + 1));
  std::size_t length = 0;
  while (true) {
    if (length == contents.size()) contents.resize(2 * length);
    const ssize_t count = ::read(fd, contents.data() + length, contents.size() - length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno(errno, "cannot read", path);
    if (count == 0) break;
    length += static_cast<std::size_t>(count);
    if (length > max_size) throw_errno(EFBIG, "cannot read", path);
  }
  contents.resize(length);
  return contents;
}

std::string read_file(const fs::path& path, std::size_t max_size) {
  const UniqueFd file = open_file(path, O_RDONLY);
  return read_all(file.get(), path, max_size);
}

void write_all(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno(errno, "cannot write", path);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void write_file_atomically(const fs::path& path, std::string_view bytes, mode_t mode, Fsync fsync) {
  std::string temporary = path.parent_path() / ("." + path.filename().string() + ".XXXXXX");
  const UniqueFd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) throw_errno(errno, "cannot create", path);
  try {
    if (::fchmod(file.get(), mode) != 0) throw_errno(errno, "cannot set the mode of", path);
    write_all(file.get(), bytes, path);
    if (fsync == Fsync::yes && ::fsync(file.get()) != 0) throw_errno(errno, "cannot sync", path);
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw_errno(errno, "cannot replace", path);
  } catch (const std::system_error&) {
    ::unlink(temporary.c_str());
    throw;
  }
}

void sync_directory(const fs::path& directory) {
  const UniqueFd opened = open_file(directory, O_RDONLY | O_DIRECTORY);
  if (::fsync(opened.get()) != 0) throw_errno(errno, "cannot sync", directory);
}

}  // namespace gracedb

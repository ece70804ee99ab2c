#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

/// Files by descriptor. Every failure is a std::system_error with the path.
namespace gracedb {

/// Owns a file descriptor; -1 is none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd();

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Opens `path` with O_CLOEXEC. `mode` is for a file that O_CREAT creates.
/// @throws std::system_error  "cannot open <path>: …"
UniqueFd open_file(const std::filesystem::path& path, int flags, mode_t mode = 0);

/// Reads to the end of `fd`, which may be a pipe.
/// @throws std::system_error  also std::errc::file_too_large if there are more than `max_size` bytes
std::string read_all(int fd, const std::filesystem::path& path,
                     std::size_t max_size = std::numeric_limits<std::size_t>::max());

std::string read_file(const std::filesystem::path& path,
                      std::size_t max_size = std::numeric_limits<std::size_t>::max());

/// Writes all of `bytes`, also after an interrupted or partial write.
void write_all(int fd, std::string_view bytes, const std::filesystem::path& path);

/// no: fast; yes: the contents are on disk, the name after sync_directory().
enum class Fsync { no, yes };

/// Replaces `path` in one step: a reader sees the old contents or the new, never a part. The file has mode
/// `mode`, whatever the umask.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes, mode_t mode,
                           Fsync fsync = Fsync::no);

/// Writes the names of a directory to disk, after files were created, renamed or removed in it.
void sync_directory(const std::filesystem::path& directory);

}  // namespace gracedb

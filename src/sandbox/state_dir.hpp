#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string_view>

namespace gracedb::sandbox {

/// The folder that holds a sandbox's database, keys and token. A temporary one goes away with this object.
class StateDir {
 public:
  /// Uses `path`, which is made where it is missing; without a path, a new temporary folder.
  /// @throws std::system_error
  explicit StateDir(std::optional<std::filesystem::path> path);
  ~StateDir();
  StateDir(const StateDir&) = delete;
  StateDir& operator=(const StateDir&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  bool is_temporary() const noexcept { return temporary_; }

 private:
  std::filesystem::path path_;
  bool temporary_;
};

/// Replaces the file at `path` in one step: a reader sees the old contents or the new, never a part.
/// @throws std::system_error
void write_file_atomically(const std::filesystem::path& path, std::string_view contents, mode_t mode);

}  // namespace gracedb::sandbox

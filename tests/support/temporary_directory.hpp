#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace gracedb::test_support {

/// A new directory; the destructor removes it and its contents.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "gracedb-test-XXXXXX").native();
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const noexcept { return path_; }

  /// Writes a file atomically, as htgettoken does; returns its path.
  std::filesystem::path write(std::string_view name, std::string_view text) const {
    std::filesystem::path target = path_ / name;
    const std::filesystem::path draft = target.native() + ".draft";
    {
      std::ofstream file(draft, std::ios::binary);
      file.exceptions(std::ios::failbit | std::ios::badbit);
      file << text;
      file.close();
    }
    std::filesystem::rename(draft, target);
    return target;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace gracedb::test_support

#include "sandbox/state_dir.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

namespace gracedb::sandbox {
namespace {

std::filesystem::path make_temporary_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "gracedb-sandbox-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "cannot make a temporary folder " + name);
  }
  return name;
}

std::filesystem::path make_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  auto canonical = std::filesystem::canonical(path, error);
  if (!error && !std::filesystem::is_directory(canonical, error)) {
    error = std::make_error_code(std::errc::not_a_directory);
  }
  if (error) throw std::system_error(error, "cannot use the folder " + path.string());
  return canonical;
}

class FileDescriptor {
 public:
  FileDescriptor(const std::filesystem::path& path, mode_t mode)
      : descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)) {
    if (descriptor_ < 0) throw_error("cannot create " + path.string());
  }
  ~FileDescriptor() { ::close(descriptor_); }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  void write(std::string_view contents) const {
    while (!contents.empty()) {
      const ssize_t written = ::write(descriptor_, contents.data(), contents.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw_error("cannot write a file");
      contents.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  [[noreturn]] static void throw_error(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
  }

 private:
  int descriptor_;
};

}  // namespace

StateDir::StateDir(std::optional<std::filesystem::path> path)
    : path_(path ? make_folder(*path) : make_temporary_folder()), temporary_(!path) {}

StateDir::~StateDir() {
  std::error_code ignored;
  if (temporary_) std::filesystem::remove_all(path_, ignored);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view contents, mode_t mode) {
  static std::atomic<unsigned> counter{0};
  const std::filesystem::path temporary =
      path.string() + "." + std::to_string(::getpid()) + "-" + std::to_string(counter++);
  FileDescriptor(temporary, mode).write(contents);
  std::error_code error;
  std::filesystem::rename(temporary, path, error);
  if (error) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw std::system_error(error, "cannot write " + path.string());
  }
}

}  // namespace gracedb::sandbox

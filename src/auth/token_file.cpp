#include "auth/token_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace gracedb::auth {
namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20;

[[noreturn]] void refuse(const std::string& reason) { throw std::runtime_error(reason); }

[[noreturn]] void refuse_with_errno() { refuse(std::generic_category().message(errno)); }

class FileDescriptor {
 public:
  // Without blocking, since a FIFO without a writer would hold the caller up before it can be told apart.
  explicit FileDescriptor(const char* path)
      : number_(::open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)) {
    if (number_ < 0) refuse_with_errno();
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { ::close(number_); }

  int number() const noexcept { return number_; }

 private:
  int number_;
};

void check_status(int descriptor, uid_t user) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) refuse_with_errno();
  if (!S_ISREG(status.st_mode)) refuse("not a regular file");
  if (status.st_uid != user && status.st_uid != 0) refuse(fmt::format("owned by uid {}", status.st_uid));
}

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 16384> chunk{};
  while (true) {
    const ssize_t count = ::read(descriptor, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse_with_errno();
    if (count == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(count));
    if (text.size() > largest_file) refuse("larger than 1 MiB");
  }
}

}  // namespace

std::string read_token_file(const std::filesystem::path& path, uid_t user) {
  const FileDescriptor file(path.c_str());
  check_status(file.number(), user);
  return read_all(file.number());
}

std::string_view trim_token(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n\v\f";
  text.remove_prefix(std::min(text.find_first_not_of(blank), text.size()));
  text = text.substr(0, text.find_last_not_of(blank) + 1);
  if (text.empty()) refuse("empty");
  return text;
}

std::string token_in_condor_file(std::string_view text) {
  text = trim_token(text);
  if (!text.starts_with('{')) return std::string(text);
  const auto object = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) refuse("neither a token nor JSON");
  const auto token = object.find("access_token");
  if (token == object.end() || !token->is_string()) refuse("JSON without access_token");
  return std::string(trim_token(token->get_ref<const std::string&>()));
}

}  // namespace gracedb::auth

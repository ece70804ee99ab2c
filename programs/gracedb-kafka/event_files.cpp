#include "gracedb-kafka/event_files.hpp"

#include "gracedb/kafka/upload_message.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace gracedb::cli {
namespace {

namespace fs = std::filesystem;

bool is_safe(unsigned char c) {
  return c < 0x80 && (std::isalnum(c) != 0 ||
                      std::string_view("._-+,=").find(static_cast<char>(c)) != std::string_view::npos);
}

bool holds(const fs::path& path, const std::string& contents) {
  std::ifstream file(path, std::ios::binary);
  return file && std::equal(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(),
                            contents.begin(), contents.end());
}

[[noreturn]] void fail(const fs::path& path, const std::string& reason) {
  throw std::runtime_error(fmt::format("cannot write {}: {}", path.string(), reason));
}

void write_whole(const fs::path& path, const std::string& contents) {
  const fs::path partial = path.parent_path() / fmt::format(".{}.{}", path.filename().string(), ::getpid());
  {
    std::ofstream file(partial, std::ios::binary | std::ios::trunc);
    file.write(contents.data(), static_cast<std::streamsize>(contents.size()));
    file.flush();
    if (!file) {
      const std::string reason = std::generic_category().message(errno);
      std::error_code ignored;
      fs::remove(partial, ignored);
      fail(path, reason);
    }
  }
  std::error_code error;
  fs::rename(partial, path, error);
  if (error) fail(path, error.message());
}

}  // namespace

std::string safe_component(std::string_view name) {
  constexpr std::size_t longest = 200;
  std::string safe(name.substr(0, longest));
  for (char& c : safe) {
    if (!is_safe(static_cast<unsigned char>(c))) c = '_';
  }
  if (safe.empty()) return "_";
  if (safe.front() == '.') safe.front() = '_';
  return safe;
}

std::optional<fs::path> EventFiles::save(const kafka::Message& message) const {
  if (kafka::kind_of(message.value) != kafka::MessageKind::upload) return std::nullopt;
  const kafka::ReceivedUpload upload = kafka::parse_upload_message(message.value);
  const std::string place = fmt::format("{}-{}", message.partition, message.offset);
  const std::string name = safe_component(upload.message.file_name);
  const std::string event = safe_component(upload.message.graceid.value_or(message.topic + "-" + place));

  fs::path path = folder_ / event / name;
  std::error_code error;
  if (fs::exists(path, error)) {
    if (holds(path, upload.contents)) return path;
    path = folder_ / (event + "-" + place) / name;
  }
  fs::create_directories(path.parent_path(), error);
  if (error) fail(path, error.message());
  write_whole(path, upload.contents);
  return path;
}

}  // namespace gracedb::cli

#include "supervisor/spool.hpp"

#include "core/clock.hpp"
#include "kafka/base64.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace gracedb::supervisor {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path) {
  throw SpoolError(fmt::format("{}: {}", path.native(), std::generic_category().message(errno)));
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const noexcept { return number_; }

 private:
  int number_;
};

void write_all(const Descriptor& file, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.number(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

// A file appears under its name whole and on disk, or not at all. Only its owner may read it.
void write_durably(const fs::path& path, std::string_view bytes) {
  std::string draft = path.parent_path() / fmt::format(".{}.XXXXXX", path.filename().native());
  const Descriptor file(::mkostemp(draft.data(), O_CLOEXEC));
  if (file.number() < 0) fail(path);
  try {
    write_all(file, bytes, path);
    if (::fsync(file.number()) != 0) fail(path);
    if (::rename(draft.c_str(), path.c_str()) != 0) fail(path);
  } catch (const SpoolError&) {
    ::unlink(draft.c_str());
    throw;
  }
}

void sync_directory(const fs::path& directory) {
  const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.number() < 0 || ::fsync(opened.number()) != 0) fail(directory);
}

bool holds(const fs::path& path, std::string_view bytes) {
  std::error_code error;
  if (fs::file_size(path, error) != bytes.size() || error) return false;
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {}) == bytes;
}

// Text where it is UTF-8, else {"base64": …}.
ordered_json text_or_base64(const std::string& bytes) {
  try {
    ordered_json text(bytes);
    static_cast<void>(text.dump());
    return text;
  } catch (const nlohmann::json::type_error&) {
    std::string encoded;
    kafka::append_base64(encoded, bytes);
    return {{"base64", encoded}};
  }
}

std::string describe(const kafka::Message& message, const Rejection& rejection) {
  ordered_json headers = ordered_json::array();
  for (const auto& [name, value] : message.headers) {
    headers.push_back({text_or_base64(name), text_or_base64(value)});
  }
  ordered_json description{{"topic", message.topic},
                           {"partition", message.partition},
                           {"offset", message.offset},
                           {"key", message.key ? text_or_base64(*message.key) : ordered_json(nullptr)},
                           {"headers", headers},
                           {"timestamp_ms", nullptr},
                           {"value_bytes", message.value.size()},
                           {"reason", name_of(rejection.kind)},
                           {"detail", text_or_base64(rejection.detail)},
                           {"set_aside_at", format_utc(std::chrono::system_clock::now())}};
  if (message.timestamp) {
    description["timestamp_ms"] =
        std::chrono::duration_cast<std::chrono::milliseconds>(message.timestamp->time_since_epoch()).count();
  }
  return description.dump(2) + "\n";
}

}  // namespace

Spool::Spool(fs::path directory) : directory_(std::move(directory)) {
  std::error_code error;
  if (fs::create_directories(directory_, error)) {
    fs::permissions(directory_, fs::perms::owner_all, error);
  }
  if (!error && ::access(directory_.c_str(), W_OK | X_OK) != 0) {
    error = std::error_code(errno, std::generic_category());
  }
  if (error) {
    throw SpoolError(
        fmt::format("the spool directory {} cannot be used: {}", directory_.native(), error.message()));
  }
}

void Spool::set_aside(const kafka::Message& message, const Rejection& rejection) const {
  const std::string name = fmt::format("{}-{}-{}", message.topic, message.partition, message.offset);
  // Where a topic has been made anew, another message may have the same place on it.
  for (int copy = 1;; ++copy) {
    const fs::path stem = directory_ / (copy == 1 ? name : fmt::format("{}.{}", name, copy));
    const fs::path value = stem.native() + ".value";
    const fs::path description = stem.native() + ".json";
    if (fs::exists(description)) {
      if (holds(value, message.value)) return;
      continue;
    }
    write_durably(value, message.value);
    write_durably(description, describe(message, rejection));  // last: its presence says that both are there
    sync_directory(directory_);
    return;
  }
}

}  // namespace gracedb::supervisor

#include "supervisor/spool.hpp"

#include "core/duration.hpp"
#include "core/encoding.hpp"
#include "supervisor/dead_letter.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace gracedb::supervisor {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr const char* value_ending = ".value";
constexpr const char* description_ending = ".json";

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

bool lies_in(const fs::path& path, std::string_view bytes) {
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
    append_base64(encoded, bytes);
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

std::string bytes_of(const ordered_json& text) {
  if (text.is_string()) return text.get<std::string>();
  const auto bytes = decode_base64(text.at("base64").get_ref<const std::string&>());
  return bytes.value_or(std::string());
}

DeadLetter parse_description(const std::string& text) {
  const auto description = ordered_json::parse(text);
  DeadLetter letter{.id = {},
                    .message = {.topic = description.at("topic"),
                                .partition = description.at("partition"),
                                .offset = description.at("offset")},
                    .reason = description.at("reason"),
                    .detail = bytes_of(description.at("detail")),
                    .set_aside_at = description.at("set_aside_at")};
  if (const auto& key = description.at("key"); !key.is_null()) letter.message.key = bytes_of(key);
  for (const auto& header : description.at("headers"))
    letter.message.headers.emplace_back(bytes_of(header.at(0)), bytes_of(header.at(1)));
  if (const auto& time = description.at("timestamp_ms"); !time.is_null()) {
    letter.message.timestamp =
        std::chrono::system_clock::time_point(std::chrono::milliseconds(time.get<std::int64_t>()));
  }
  return letter;
}

std::string contents_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string contents(std::istreambuf_iterator<char>(file), {});
  if (!file.is_open() || file.bad()) fail(path);
  return contents;
}

std::vector<std::string> ids_in(const fs::path& directory) {
  std::vector<std::string> ids;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(description_ending) && !name.starts_with('.')) ids.push_back(entry.path().stem());
  }
  if (error) throw SpoolError(fmt::format("{}: {}", directory.native(), error.message()));
  return ids;
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

// Where this message lies, or would lie. A topic that was made anew may have another one at the same place.
Spool::Seat Spool::seat_of(const kafka::Message& message) const {
  const std::string name = name_of(Place::of(message));
  for (int copy = 1;; ++copy) {
    const fs::path stem = directory_ / (copy == 1 ? name : fmt::format("{}.{}", name, copy));
    Seat seat{.value = stem.native() + value_ending, .description = stem.native() + description_ending};
    if (!fs::exists(seat.description)) return seat;
    seat.is_taken = lies_in(seat.value, message.value);
    if (seat.is_taken) return seat;
  }
}

bool Spool::holds(const kafka::Message& message) const { return seat_of(message).is_taken; }

void Spool::set_aside(const kafka::Message& message, const Rejection& rejection) const {
  const Seat seat = seat_of(message);
  if (seat.is_taken) return;
  write_durably(seat.value, message.value);
  // Last: its presence says that both are there.
  write_durably(seat.description, describe(message, rejection));
  sync_directory(directory_);
}

void Spool::read(const std::function<void(const DeadLetter&)>& show) {
  std::vector<DeadLetter> letters;
  for (const std::string& id : ids_in(directory_))
    letters.push_back(load(id));
  std::sort(letters.begin(), letters.end(), [](const DeadLetter& a, const DeadLetter& b) {
    return std::tie(a.message.topic, a.message.partition, a.message.offset, a.id) <
           std::tie(b.message.topic, b.message.partition, b.message.offset, b.id);
  });
  for (DeadLetter& letter : letters) {
    letter.message.value = contents_of(directory_ / (letter.id + value_ending));
    show(letter);
    letter = {};
  }
}

DeadLetter Spool::load(const std::string& id) const {
  const fs::path path = directory_ / (id + description_ending);
  try {
    DeadLetter letter = parse_description(contents_of(path));
    letter.id = id;
    return letter;
  } catch (const nlohmann::json::exception&) {
    throw SpoolError(fmt::format("{}: not the description of a message", path.native()));
  }
}

void Spool::remove(const DeadLetter& letter) {
  if (letter.id.find('/') != std::string::npos) return;  // untrusted input of the topic; no file of the spool
  fs::path stem = directory_ / letter.id;
  // The entry may come from the topic, where a message of a recreated topic can have another number.
  if (!lies_in(stem.native() + value_ending, letter.message.value)) {
    const Seat seat = seat_of(letter.message);
    if (!seat.is_taken) return;
    stem = seat.value;
    stem.replace_extension();
  }
  // Delete .json first: a .value without .json is ignored, so a crash is safe.
  for (const char* ending : {description_ending, value_ending}) {
    const fs::path path = stem.native() + ending;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail(path);
    sync_directory(directory_);
  }
}

}  // namespace gracedb::supervisor

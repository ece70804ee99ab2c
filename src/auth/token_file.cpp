#include "auth/token_file.hpp"

#include "core/file.hpp"
#include "core/json.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace gracedb::auth {
namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20;

[[noreturn]] void reject(const std::string& reason) { throw std::runtime_error(reason); }

void check_status(int descriptor, uid_t user) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) reject(std::generic_category().message(errno));
  if (!S_ISREG(status.st_mode)) reject("not a regular file");
  if (status.st_uid != user && status.st_uid != 0) reject(fmt::format("owned by uid {}", status.st_uid));
}

nlohmann::json parse_credential(std::string_view text) {
  try {
    return parse_json(text);
  } catch (const std::invalid_argument&) {
    reject("neither a token nor JSON");
  }
}

}  // namespace

std::string read_token_file(const std::filesystem::path& path, uid_t user) {
  try {
    // O_NONBLOCK: opening a FIFO without a writer would block before fstat() can detect it.
    const UniqueFd file = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    check_status(file.get(), user);
    return read_all(file.get(), path, largest_file);
  } catch (const std::system_error& error) {
    reject(error.code() == std::errc::file_too_large ? "larger than 1 MiB" : error.code().message());
  }
}

std::string_view trim_token(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n\v\f";
  text.remove_prefix(std::min(text.find_first_not_of(blank), text.size()));
  text = text.substr(0, text.find_last_not_of(blank) + 1);
  if (text.empty()) reject("empty");
  return text;
}

std::string token_in_condor_file(std::string_view text) {
  text = trim_token(text);
  if (!text.starts_with('{')) return std::string(text);
  const nlohmann::json object = parse_credential(text);
  const auto token = object.find("access_token");
  if (token == object.end() || !token->is_string()) reject("JSON without access_token");
  return std::string(trim_token(token->get_ref<const std::string&>()));
}

}  // namespace gracedb::auth

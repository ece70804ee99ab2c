#include "gracedb/auth/token.hpp"

#include <unistd.h>

#include <cstdlib>

namespace gracedb::auth {
namespace {

std::optional<std::string> variable_of_process(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace

Environment Environment::of_process() {
  return {.variable = variable_of_process,
          .now = std::chrono::system_clock::now,
          .user = ::geteuid(),
          .temporary_directory = "/tmp"};
}

}  // namespace gracedb::auth

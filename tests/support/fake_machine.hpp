#pragma once

#include "gracedb/auth/token.hpp"

#include "support/temporary_directory.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace gracedb::test_support {

/// A machine with its own clock, environment variables and directories, initially empty. It must outlive its
/// environments.
class FakeMachine {
 public:
  FakeMachine() {
    for (const char* directory : {"tmp", "run", "creds"}) {
      std::filesystem::create_directory(path(directory));
    }
  }

  auth::Environment environment() {
    return {.variable = [this](const char* name) { return variable(name); },
            .now = [this] { return now(); },
            .user = user,
            .temporary_directory = path("tmp")};
  }

  std::filesystem::path path(std::string_view name) const { return directory_.path() / name; }
  std::filesystem::path write(std::string_view name, std::string_view text) const {
    return directory_.write(name, text);
  }
  std::string user_file() const { return "bt_u" + std::to_string(user); }

  std::chrono::system_clock::time_point now() const { return start + since_start_.load(); }
  void pass(std::chrono::seconds time) { since_start_ = since_start_.load() + time; }

  /// Number of discovery runs.
  int looks() const { return looks_; }

  /// 2026-11-22 03:04:05 UTC
  static constexpr std::chrono::system_clock::time_point start{std::chrono::seconds(1'795'316'645)};

  std::map<std::string, std::string> variables;
  uid_t user = ::geteuid();

 private:
  std::optional<std::string> variable(const std::string& name) {
    if (name == "SCITOKEN") ++looks_;
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  }

  TemporaryDirectory directory_;
  std::atomic<std::chrono::seconds> since_start_{std::chrono::seconds(0)};
  std::atomic<int> looks_{0};
};

}  // namespace gracedb::test_support

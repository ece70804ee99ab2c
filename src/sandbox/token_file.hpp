#pragma once

#include "sandbox/token_issuer.hpp"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

namespace gracedb::sandbox {

/// Keeps a file with a valid token, mode 0600, replacing it before the token expires as htgettoken would.
class TokenFile {
 public:
  /// Writes the file at once. `issuer` must outlive this.
  TokenFile(const TokenIssuer& issuer, TokenClaims claims, std::filesystem::path path,
            std::chrono::milliseconds renew_before);

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  void write() const;
  void keep_fresh(const std::stop_token& stop);

  const TokenIssuer& issuer_;
  TokenClaims claims_;
  std::filesystem::path path_;
  std::chrono::milliseconds pause_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread renewal_;  // last: stopped and joined first
};

}  // namespace gracedb::sandbox

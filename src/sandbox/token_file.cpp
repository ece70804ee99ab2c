#include "sandbox/token_file.hpp"

#include "core/log.hpp"
#include "sandbox/state_dir.hpp"

#include <algorithm>
#include <exception>

namespace gracedb::sandbox {
namespace {

constexpr log::Logger logger{"gracedb.sandbox.token"};
constexpr std::chrono::milliseconds shortest_pause{500};

}  // namespace

TokenFile::TokenFile(const TokenIssuer& issuer, TokenClaims claims, std::filesystem::path path,
                     std::chrono::milliseconds renew_before)
    : issuer_(issuer),
      claims_(std::move(claims)),
      path_(std::move(path)),
      pause_(std::max(std::chrono::milliseconds(claims_.lifetime) - renew_before, shortest_pause)) {
  write();
  renewal_ = std::jthread([this](const std::stop_token& stop) { keep_fresh(stop); });
}

void TokenFile::write() const { write_file_atomically(path_, issuer_.mint(claims_) + "\n", 0600); }

void TokenFile::keep_fresh(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  std::chrono::milliseconds pause = pause_;
  while (!wake_.wait_for(lock, stop, pause, [&stop] { return stop.stop_requested(); })) {
    try {
      write();
      pause = pause_;
      logger.debug("renewed {}", path_.string());
    } catch (const std::exception& error) {
      pause = shortest_pause;
      logger.error("cannot renew the token file {}: {}", path_.string(), error.what());
    }
  }
}

}  // namespace gracedb::sandbox

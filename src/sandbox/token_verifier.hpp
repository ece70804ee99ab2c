#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::sandbox {

/// Checks bearer tokens of one issuer with libscitokens: signature, issuer, audience, scope, times.
/// The issuer's key is known beforehand, so no network is needed.
class TokenVerifier {
 public:
  struct Options {
    std::string issuer;
    std::vector<std::string> audience;   ///< accepted besides "ANY"
    std::string scope = "gracedb.read";  ///< a token must grant it
    std::string key_id;
    std::string public_key;           ///< PEM
    std::filesystem::path cache_dir;  ///< where libscitokens may keep its keys
  };

  /// Sets XDG_CACHE_HOME of the process, which is where libscitokens looks for its keys: to be made before
  /// other threads read the environment.
  explicit TokenVerifier(Options options);

  struct Verdict {
    std::optional<std::string> user;  ///< the subject in lower case; none where the token is refused
    std::string reason;               ///< of a refusal
  };
  Verdict verify(const std::string& token);

 private:
  using Clock = std::chrono::system_clock;
  struct Known {
    std::string user;
    Clock::time_point expires;
  };

  void store_key();
  Verdict verify_anew(const std::string& token, const std::string& digest);

  Options options_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point key_stored_;
  std::map<std::string, Known, std::less<>> known_;  // accepted tokens, by their digest
};

}  // namespace gracedb::sandbox

#pragma once

#include "core/mutex.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

/// SciTokens of the sandbox: minting, verification, and the token file.
namespace gracedb::sandbox {

/// The claims of a new token.
struct TokenClaims {
  std::string subject = "sandbox";
  std::string issuer;
  std::vector<std::string> audience = {"ANY"};
  std::string scope = "gracedb.read kafka.produce kafka.consume";
  /// From now; negative for an expired token.
  std::chrono::seconds lifetime{std::chrono::hours(1)};
  /// From now; positive for a token that is not valid yet.
  std::chrono::seconds not_before{0};
};

/// Signs SciTokens (ES256) with its own key.
class TokenIssuer {
 public:
  /// Loads the private key in `key_file` (PEM, PKCS#8); generates it, mode 0600, if the file is missing.
  /// @throws std::runtime_error  not a P-256 key, or the file cannot be read or written
  explicit TokenIssuer(const std::filesystem::path& key_file);
  /// Generates a key that is not saved: for tokens that verification must reject.
  TokenIssuer();
  ~TokenIssuer();
  TokenIssuer(TokenIssuer&&) noexcept;
  TokenIssuer& operator=(TokenIssuer&&) noexcept;

  /// @param key_id  header "kid"; default: key_id()
  std::string mint(const TokenClaims& claims, std::string_view key_id = {}) const;

  /// The JWK thumbprint of the key (RFC 7638).
  const std::string& key_id() const noexcept;
  /// PEM, SubjectPublicKeyInfo.
  std::string public_key() const;
  /// The public key as a JSON Web Key Set.
  std::string jwks() const;

 private:
  class Key;
  std::unique_ptr<Key> key_;
};

/// The issuer of a state directory: private key in "signing-key.pem", public key in "jwks.json", which is
/// rewritten.
/// @throws as TokenIssuer
TokenIssuer open_issuer(const std::filesystem::path& state_dir);
std::filesystem::path jwks_path(const std::filesystem::path& state_dir);

/// Verifies bearer tokens of one issuer with libscitokens: signature, issuer, audience, scope and times. The
/// issuer's key is given, so no network is needed. Thread-safe.
class TokenVerifier {
 public:
  struct Options {
    std::string issuer;
    /// Accepted besides "ANY".
    std::vector<std::string> audience;
    /// Required.
    std::string scope = "gracedb.read";
    std::string key_id;
    /// PEM.
    std::string public_key;
    /// For the key cache of libscitokens.
    std::filesystem::path cache_dir;
  };

  /// Sets XDG_CACHE_HOME of the process, where libscitokens keeps its key cache: construct it before other
  /// threads read the environment.
  /// @throws std::runtime_error  libscitokens rejects the key
  explicit TokenVerifier(Options options);

  struct Verdict {
    /// The subject in lower case; empty if the token is rejected.
    std::optional<std::string> user;
    /// Why the token is rejected, without the token.
    std::string reason;
  };
  Verdict verify(const std::string& token);

 private:
  using Clock = std::chrono::system_clock;
  struct Accepted {
    std::string user;
    Clock::time_point expires;
  };

  void store_key() REQUIRES(mutex_);
  Verdict verify_uncached(const std::string& token, const std::string& digest) REQUIRES(mutex_);

  const Options options_;
  Mutex mutex_;
  std::chrono::steady_clock::time_point key_stored_ GUARDED_BY(mutex_);
  /// Accepted tokens by their SHA-256.
  std::map<std::string, Accepted, std::less<>> accepted_ GUARDED_BY(mutex_);
};

/// Keeps a valid token in a file, mode 0600, and replaces it before it expires, as htgettoken does.
class TokenFile {
 public:
  /// Writes the file and starts the renewal thread. `issuer` must outlive this.
  /// @throws std::system_error  the file cannot be written
  TokenFile(const TokenIssuer& issuer, TokenClaims claims, std::filesystem::path path,
            std::chrono::milliseconds renew_before);
  ~TokenFile();
  TokenFile(const TokenFile&) = delete;
  TokenFile& operator=(const TokenFile&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  void write() const;
  void renew_until_stopped();
  /// @return false once stop is requested
  bool wait(std::chrono::milliseconds time);

  const TokenIssuer& issuer_;
  const TokenClaims claims_;
  const std::filesystem::path path_;
  const std::chrono::milliseconds interval_;
  Mutex mutex_;
  CondVar stopped_;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  std::thread renewal_;
};

}  // namespace gracedb::sandbox

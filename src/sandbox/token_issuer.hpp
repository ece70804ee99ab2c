#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gracedb::sandbox {

/// What a token is to say.
struct TokenClaims {
  std::string subject = "sandbox";
  std::string issuer;
  std::vector<std::string> audience = {"ANY"};
  std::string scope = "gracedb.read kafka.produce kafka.consume";
  std::chrono::seconds lifetime{std::chrono::hours(1)};  ///< from now; negative for a token that has expired
  std::chrono::seconds not_before{0};                    ///< from now; positive for one that is not valid yet
};

/// Signs SciTokens (ES256) with a key of its own.
class TokenIssuer {
 public:
  /// Uses the private key in `key_file` (PEM, PKCS#8); makes one there, mode 0600, where there is none.
  /// @throws std::runtime_error  not a P-256 key, or not to be read or written
  explicit TokenIssuer(const std::filesystem::path& key_file);
  /// A key that is nowhere kept: for tokens that must be refused.
  TokenIssuer();
  ~TokenIssuer();
  TokenIssuer(TokenIssuer&&) noexcept;
  TokenIssuer& operator=(TokenIssuer&&) noexcept;

  /// @param key_id  goes into the header instead of key_id(): a token that claims another key
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

/// The issuer of a state directory: its key in "signing-key.pem", its public key in "jwks.json" (made anew).
TokenIssuer open_issuer(const std::filesystem::path& state_dir);
std::filesystem::path jwks_path(const std::filesystem::path& state_dir);

}  // namespace gracedb::sandbox

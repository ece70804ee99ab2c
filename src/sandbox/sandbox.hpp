#pragma once

#include "sandbox/faults.hpp"
#include "sandbox/http.hpp"
#include "sandbox/tokens.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gracedb::sandbox {

struct SandboxOptions {
  HttpServer::Options server;
  /// Before each answer of the API.
  std::chrono::milliseconds answer_delay{0};
  /// Default: a temporary directory, removed at the end.
  std::optional<std::filesystem::path> state_dir;
  /// Commits survive a power loss; ignored for a temporary directory.
  bool fsync = true;
  /// Default: from the service URL.
  std::optional<std::string> instance_name;

  /// false: every client is authenticated as "sandbox".
  bool authenticate = true;
  /// Claims of the token in the token file.
  TokenClaims token;
  /// Accepted besides ANY and the server's own names.
  std::vector<std::string> audience;
  /// Default: "token" in the state directory.
  std::optional<std::filesystem::path> token_file;
  /// Default: a quarter of the lifetime.
  std::optional<std::chrono::milliseconds> renew_before;

  bool embedded_broker = false;
  /// External broker to publish alerts to.
  std::optional<std::string> bootstrap_servers;
  /// librdkafka properties for publishing alerts.
  std::map<std::string, std::string> kafka_config;
  /// Topics of the embedded broker. Default: one for each pipeline, and test.
  std::vector<std::string> topics;
  int partitions = 1;

  std::vector<Fault> faults;
  std::uint64_t seed = 0;
};

/// A local GraceDB: server, store, tokens, and optionally a broker. Serves from construction to destruction.
class Sandbox {
 public:
  /// @throws std::exception  says which option cannot be used
  explicit Sandbox(SandboxOptions options);
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  /// "http://localhost:8080/api/"
  const std::string& service_url() const noexcept;
  const std::string& instance_name() const noexcept;
  std::optional<std::string> bootstrap_servers() const;
  const std::filesystem::path& state_dir() const noexcept;
  std::filesystem::path token_file() const;
  std::filesystem::path jwks() const;
  const std::string& issuer() const noexcept;

  /// Mints a token of this sandbox's issuer.
  std::string mint(const TokenClaims& claims) const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

/// Creates a state directory if it is missing. @return its canonical path
/// @throws std::system_error  it cannot be created, or is not a directory
std::filesystem::path make_state_dir(const std::filesystem::path& path);

/// The default issuer of a sandbox.
inline constexpr const char* default_issuer = "https://localhost/gracedb-sandbox";

/// Selects the sandbox's own URL as the issuer, where clients can fetch its key.
inline constexpr const char* own_issuer = "self";

}  // namespace gracedb::sandbox

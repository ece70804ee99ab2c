#pragma once

#include "sandbox/faults.hpp"
#include "sandbox/server.hpp"
#include "sandbox/token_issuer.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gracedb::sandbox {

struct SandboxOptions {
  Server::Options server;
  std::optional<std::filesystem::path> state_dir;  ///< none: a temporary one, removed at the end
  bool wait_for_disk = true;                 ///< commits survive a power loss; never so in a temporary folder
  std::optional<std::string> instance_name;  ///< default: from the service URL

  bool authenticate = true;
  TokenClaims token;                                      ///< what the token file says
  std::vector<std::string> audience;                      ///< accepted besides ANY and the server's own names
  std::optional<std::filesystem::path> token_file;        ///< default: "token" in the state directory
  std::optional<std::chrono::milliseconds> renew_before;  ///< default: a quarter of the lifetime

  bool embedded_broker = false;
  std::optional<std::string> bootstrap_servers;  ///< of a broker of somebody else's, for alerts
  std::map<std::string, std::string> kafka_config;
  std::vector<std::string> topics;  ///< of the embedded broker; default: one a pipeline, and test
  int partitions = 1;

  std::vector<Fault> faults;
  std::uint64_t seed = 0;
};

/// A GraceDB of one's own: server, store, tokens and, if wanted, broker. Serves from construction to
/// destruction.
class Sandbox {
 public:
  /// @throws std::exception  says what cannot be used
  explicit Sandbox(SandboxOptions options);
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  const std::string& service_url() const noexcept;  ///< "http://localhost:8080/api/"
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

/// The issuer that a sandbox names where nothing else is asked for.
inline constexpr const char* default_issuer = "https://localhost/gracedb-sandbox";

/// Stands for the sandbox's own address as the issuer, so that clients can look its key up there.
inline constexpr const char* own_issuer = "self";

}  // namespace gracedb::sandbox

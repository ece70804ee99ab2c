#pragma once

#include "sandbox/sandbox.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own
class App;
}  // namespace CLI

/// The commands of gracedb-sandbox. Each function adds the options of one command to an app and returns the
/// function that runs it.
namespace gracedb::sandbox::commands {

/// Returns the exit code: 0 success, 1 failure, 2 wrong options.
using Run = std::function<int()>;

/// Serves until INT, TERM or HUP.
Run add_serve(CLI::App& app);
/// Mints one token.
Run add_token(CLI::App& app);
/// Generates the issuer's keys.
Run add_keys(CLI::App& app);

/// The options of the server as typed.
struct ServeOptions {
  std::string listen = "127.0.0.1:0";
  std::string tls_certificate;
  std::string tls_key;
  std::string instance_name;
  std::string state_dir;
  std::string answer_delay = "0";
  bool no_fsync = false;

  bool no_auth = false;
  std::string issuer = default_issuer;
  std::vector<std::string> audience;
  std::string token_file;
  std::string token_subject = "sandbox";
  std::string token_scope = TokenClaims().scope;
  std::vector<std::string> token_audience = {"ANY"};
  std::string token_lifetime = "1h";
  std::string renew_before;

  std::string broker;
  std::vector<std::string> kafka_config;
  std::vector<std::string> topics;
  int partitions = 1;

  std::vector<std::string> faults;
  std::string fault_on = "all";
  std::uint64_t seed = 0;

  bool json = false;
  bool exit_with_parent = false;
  int verbose = 0;

  void add_to(CLI::App& app);

  /// @throws std::invalid_argument  names the option and what is wrong with it
  SandboxOptions to_sandbox_options() const;
};

}  // namespace gracedb::sandbox::commands

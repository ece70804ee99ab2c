#include "core/duration.hpp"
#include "core/file.hpp"
#include "gracedb-sandbox/commands.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

namespace gracedb::sandbox::commands {
namespace {

struct TokenOptions {
  std::string state_dir;
  std::string subject = "sandbox";
  std::string issuer = default_issuer;
  std::vector<std::string> audience = {"ANY"};
  std::string scope = TokenClaims().scope;
  std::string lifetime = "1h";
  std::string not_before = "0";
  bool wrong_key = false;
  std::string out;
};

std::chrono::seconds parse_seconds(const std::string& option, const std::string& text) {
  try {
    return std::chrono::floor<std::chrono::seconds>(parse_signed_duration(text));
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(option + ": " + error.what());
  }
}

int mint(const TokenOptions& options) {
  const TokenIssuer issuer = open_issuer(make_state_dir(options.state_dir));
  const TokenClaims claims{.subject = options.subject,
                           .issuer = options.issuer,
                           .audience = options.audience,
                           .scope = options.scope,
                           .lifetime = parse_seconds("--lifetime", options.lifetime),
                           .not_before = parse_seconds("--not-before", options.not_before)};
  const std::string token =
      (options.wrong_key ? TokenIssuer().mint(claims, issuer.key_id()) : issuer.mint(claims)) + "\n";
  if (options.out.empty()) {
    std::fputs(token.c_str(), stdout);
  } else {
    write_file_atomically(options.out, token, 0600);
  }
  return 0;
}

}  // namespace

Run add_token(CLI::App& app) {
  const auto options = std::make_shared<TokenOptions>();
  app.add_option("--state-dir", options->state_dir, "Directory with the keys; generated if missing")
      ->required();
  app.add_option("--subject", options->subject, "Claim sub")->capture_default_str();
  app.add_option("--issuer", options->issuer, "Claim iss")->capture_default_str();
  app.add_option("--audience", options->audience, "Claim aud; repeatable")->capture_default_str();
  app.add_option("--scope", options->scope, "Claim scope")->capture_default_str();
  app.add_option("--lifetime", options->lifetime,
                 "Time until the token expires; negative for an expired token")
      ->capture_default_str();
  app.add_option("--not-before", options->not_before, "Time until the token becomes valid; may be negative");
  app.add_flag("--wrong-key", options->wrong_key, "Sign with a key other than the one that the header names");
  app.add_option("--out", options->out, "Write the token to this file (mode 0600) [standard output]");
  return [options] { return mint(*options); };
}

Run add_keys(CLI::App& app) {
  const auto state_dir = std::make_shared<std::string>();
  app.add_option("--state-dir", *state_dir, "Directory for the keys; existing keys are kept")->required();
  return [state_dir] {
    const auto directory = make_state_dir(*state_dir);
    open_issuer(directory);
    std::puts(jwks_path(directory).c_str());
    return 0;
  };
}

}  // namespace gracedb::sandbox::commands

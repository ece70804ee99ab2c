#include "gracedb-sandbox/commands.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <stdexcept>

namespace {

constexpr int failed = 1;
constexpr int wrong_options = 2;

int print_error(const char* what, int code) {
  std::fprintf(stderr, "gracedb-sandbox: %s\n", what);
  return code;
}

int run(int argc, char** argv) {
  namespace commands = gracedb::sandbox::commands;
  CLI::App app("A local GraceDB for development and tests", "gracedb-sandbox");
  app.set_version_flag("--version", GRACEDB_KAFKA_VERSION);
  app.require_subcommand(0, 1);
  const auto serve = commands::add_serve(app);
  CLI::App& token = *app.add_subcommand("token", "Mint one token");
  const auto mint = commands::add_token(token);
  CLI::App& keys =
      *app.add_subcommand("keys", "Generate the keys and jwks.json, and print the path of jwks.json");
  const auto make_keys = commands::add_keys(keys);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return print_error(error.what(), wrong_options);
  }
  if (token.parsed()) return mint();
  return keys.parsed() ? make_keys() : serve();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::invalid_argument& error) {
    return print_error(error.what(), wrong_options);
  } catch (const std::exception& error) {
    return print_error(error.what(), failed);
  }
}

#include "gracedb-kafka-supervisor/spool_directory.hpp"

#include "common/exit_code.hpp"
#include "common/options.hpp"

namespace gracedb::supervisor {

std::filesystem::path spool_directory(const std::optional<std::string>& given) {
  if (given) return *given;
  const auto environment = programs::process_environment();
  if (const auto state = environment("STATE_DIRECTORY")) {
    return std::filesystem::path(state->substr(0, state->find(':'))) / "spool";
  }
  if (const auto state = environment("XDG_STATE_HOME")) {
    return std::filesystem::path(*state) / "gracedb-kafka" / "spool";
  }
  if (const auto home = environment("HOME")) {
    return std::filesystem::path(*home) / ".local" / "state" / "gracedb-kafka" / "spool";
  }
  throw programs::UsageError("where are messages that cannot be processed kept? Give --spool-dir DIR");
}

}  // namespace gracedb::supervisor

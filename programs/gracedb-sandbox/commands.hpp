#pragma once

#include <functional>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own
class App;
}  // namespace CLI

/// The commands of gracedb-sandbox. Each adds its options to an app and gives back what runs it.
namespace gracedb::sandbox::commands {

/// Exit codes: 0 done, 1 failed, 2 wrong options.
using Run = std::function<int()>;

/// Serves until INT or TERM.
Run add_serve(CLI::App& app);
/// Mints one token.
Run add_token(CLI::App& app);
/// Makes keys and jwks.json.
Run add_keys(CLI::App& app);

}  // namespace gracedb::sandbox::commands

#pragma once

#include "sandbox/sandbox.hpp"

#include <string>

namespace gracedb::sandbox::commands {

/// One line for programs: where everything is.
std::string readiness_json(const Sandbox& sandbox);

/// The same for people, with lines to paste into a shell.
std::string readiness_text(const Sandbox& sandbox, bool lets_everybody_in, bool is_broker_embedded);

}  // namespace gracedb::sandbox::commands

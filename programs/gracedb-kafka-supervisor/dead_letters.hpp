#pragma once

#include "common/program.hpp"

namespace gracedb::supervisor {

/// Adds "dead-letters list", "show", "redrive" and "drop" to the program.
void add_dead_letters(programs::Program& program);

}  // namespace gracedb::supervisor

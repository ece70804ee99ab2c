#pragma once

#include "common/program.hpp"

#include <string_view>

namespace gracedb::supervisor {

inline constexpr std::string_view program_name = "gracedb-kafka-supervisor";

/// The program: its options, and what it does until a signal ends it.
void set_up(programs::Program& program);

}  // namespace gracedb::supervisor

#pragma once

#include "common/program.hpp"

#include <string_view>

/// The commands of gracedb-kafka. Each function adds one, with its options, to the program.
namespace gracedb::cli {

inline constexpr std::string_view program_name = "gracedb-kafka";

void add_upload(programs::Program& program);
void add_produce(programs::Program& program);
void add_consume(programs::Program& program);
void add_ping(programs::Program& program);
void add_topics(programs::Program& program);
void add_token(programs::Program& program);
void add_doctor(programs::Program& program);

}  // namespace gracedb::cli

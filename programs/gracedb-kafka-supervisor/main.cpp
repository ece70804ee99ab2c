#include "common/exit_code.hpp"
#include "common/program.hpp"
#include "gracedb-kafka-supervisor/dead_letters.hpp"
#include "gracedb-kafka-supervisor/serve.hpp"

#include <fmt/format.h>

#include <string>

namespace {

std::string footer() {
  return fmt::format(
      "INT or TERM ends it: nothing more is taken, what is under way is finished and committed, and the exit "
      "code\n"
      "is 0. A second signal ends it at once; what was under way is then seen again and found complete.\n\n"
      "Examples:\n"
      "  gracedb-kafka-supervisor -b kafka.ligo.org:9092 -s https://gracedb.ligo.org/api/\n"
      "  gracedb-kafka-supervisor --topic gstlal --topic pycbc --max-in-flight 16\n"
      "  gracedb-kafka-supervisor dead-letters list\n\n{}\n\n{}",
      gracedb::programs::configuration_help(), gracedb::programs::exit_code_help());
}

}  // namespace

int main(int argc, char** argv) {
  namespace programs = gracedb::programs;
  namespace supervisor = gracedb::supervisor;
  programs::Program program(
      {.name = std::string(supervisor::program_name),
       .description =
           "Completes reserved events in GraceDB from the Kafka messages of one GraceDB instance. Start\n"
           "it several times to share the work.",
       .footer = footer(),
       .shows_results = false,
       .log_level = gracedb::LogLevel::info,
       .is_service = true,
       .other_sections = {"sandbox"}});
  supervisor::set_up(program);
  supervisor::add_dead_letters(program);
  return program.run(argc, argv);
}

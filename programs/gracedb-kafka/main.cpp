#include "common/exit_code.hpp"
#include "common/program.hpp"
#include "gracedb-kafka/commands.hpp"

#include <fmt/format.h>

#include <string>

namespace {

std::string footer() {
  return fmt::format(
      "Examples:\n"
      "  gracedb-kafka doctor\n"
      "  gracedb-kafka upload CBC gstlal coinc.xml --search AllSky --wait\n"
      "  gracedb-kafka consume -t gstlal --from 10m\n"
      "  \"gracedb-kafka COMMAND --help\" lists the options of a command.\n\n{}\n\n{}",
      gracedb::programs::configuration_help(), gracedb::programs::exit_code_help());
}

}  // namespace

int main(int argc, char** argv) {
  namespace cli = gracedb::cli;
  gracedb::programs::Program program(
      {.name = std::string(cli::program_name),
       .description = "Submits events to GraceDB over Kafka and prints the messages of its topics.",
       .footer = footer(),
       .other_sections = {"supervisor", "sandbox"}});
  cli::add_upload(program);
  cli::add_produce(program);
  cli::add_consume(program);
  cli::add_ping(program);
  cli::add_topics(program);
  cli::add_token(program);
  cli::add_doctor(program);
  return program.run(argc, argv);
}

#include "gracedb/kafka/producer.hpp"

#include "common/connection.hpp"
#include "core/duration.hpp"
#include "gracedb-kafka/commands.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <optional>

namespace gracedb::cli {
namespace {

using programs::Context;
using programs::ExitCode;
using std::chrono::steady_clock;

constexpr const char* footer =
    "Sends a ping message, which consumers ignore, and waits for the broker's confirmation. This tests\n"
    "token, TLS, login and topic. \"doctor\" checks them without writing a message.";

class Ping {
 public:
  void add_options(programs::Options& options) {
    options.group("Ping");
    options.add(
        {.names = "-t,--topic", .target = &topic_, .help = "Pipeline [default: test]", .value = "PIPELINE"});
    options.add({.names = "--timeout",
                 .target = &timeout_,
                 .help = "Time limit for the confirmation [default: 10s]",
                 .value = "DURATION"});
    add_connection_options(options, connection_);
  }

  ExitCode run(Context& context) {
    note_sources(context.options, connection_);
    const auto start = steady_clock::now();
    kafka::ProducerOptions options = producer_options(connection_);
    options.topic = programs::pipeline_of(topic_, *options.instance_name);
    options.flush_timeout = timeout_;
    kafka::Producer producer(std::move(options));
    const auto connected = steady_clock::now();
    const kafka::PingResult result = producer.ping(std::nullopt, timeout_);
    report(context, result, connected - start, steady_clock::now() - connected);
    return ExitCode::ok;
  }

 private:
  static void report(Context& context, const kafka::PingResult& result, std::chrono::nanoseconds connect,
                     std::chrono::nanoseconds delivery) {
    if (!context.json) {
      context.output.line(fmt::format("{}[{}] @ {} in {} (connected in {})", result.topic, result.partition,
                                      result.offset, format_duration(delivery), format_duration(connect)));
      return;
    }
    const nlohmann::ordered_json json{
        {"topic", result.topic},
        {"partition", result.partition},
        {"offset", result.offset},
        {"seconds", {{"connect", to_seconds(connect)}, {"delivery", to_seconds(delivery)}}},
        {"message", nlohmann::ordered_json::parse(result.message)}};
    context.output.line(json.dump());
  }

  programs::ConnectionOptions connection_;
  std::string topic_ = "test";
  std::chrono::milliseconds timeout_{10'000};
};

}  // namespace

void add_ping(programs::Program& program) {
  const auto ping = std::make_shared<Ping>();
  ping->add_options(program.add_command({.name = "ping",
                                         .description = "Send a ping message and wait for its confirmation",
                                         .footer = footer,
                                         .log_level = LogLevel::off},
                                        [ping](Context& context) { return ping->run(context); }));
}

}  // namespace gracedb::cli

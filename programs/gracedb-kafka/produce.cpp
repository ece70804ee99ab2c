#include "gracedb/kafka/producer.hpp"

#include "common/connection.hpp"
#include "core/duration.hpp"
#include "core/text.hpp"
#include "gracedb-kafka/commands.hpp"
#include "gracedb-kafka/input.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <optional>

namespace gracedb::cli {
namespace {

using programs::Context;
using programs::ExitCode;
using programs::UsageError;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// After a signal, messages under way have this long to be confirmed.
constexpr milliseconds flush_after_signal{1'000};
constexpr milliseconds signal_grace{2'000};

constexpr const char* footer =
    "The whole of FILE, or of standard input, is one message; with --lines each of its lines is one.\n"
    "Ends when the broker has confirmed all of them.\n\n"
    "Examples:\n"
    "  gracedb-kafka produce -t test -k T0001 message.json\n"
    "  gracedb-kafka produce -t test --value '{\"note\": \"hello\"}' -H source=shell\n"
    "  generate | gracedb-kafka produce -t test --lines";

class Produce {
 public:
  void add_options(programs::Options& options);
  ExitCode run(Context& context);

 private:
  void check() const;
  kafka::ProduceOptions message_options() const;
  ExitCode produce_one(Context& context, kafka::Producer& producer) const;
  ExitCode produce_lines(Context& context, kafka::Producer& producer) const;

  programs::ConnectionOptions connection_;
  std::string topic_;
  std::string file_ = "-";
  std::optional<std::string> value_;
  std::optional<std::string> key_;
  programs::NamedValues headers_;
  std::optional<std::uint32_t> partition_;
  bool lines_ = false;
  milliseconds timeout_{30'000};
};

std::string delivery_json(const kafka::DeliveryReport& report, std::optional<std::chrono::nanoseconds> time) {
  nlohmann::ordered_json json{
      {"topic", report.topic}, {"partition", report.partition}, {"offset", report.offset}};
  if (time) json["seconds"] = to_seconds(*time);
  return json.dump();
}

// What became of the messages of one run.
class Tally {
 public:
  explicit Tally(Context& context) : context_(context) {}

  void add(const kafka::DeliveryReport& report) {
    if (report.error) {
      ++failed_;
      if (!first_error_) first_error_ = report.error;
      return;
    }
    ++confirmed_;
    if (context_.json) context_.output.line(delivery_json(report, std::nullopt));
  }

  std::size_t confirmed() const { return confirmed_; }

  /// @throws KafkaMessageDeliveryError  some were not delivered
  void require_all(std::size_t pending) const {
    const std::size_t lost = failed_ + pending;
    if (lost == 0) return;
    const std::string reason = first_error_ ? first_error_->what() : "no confirmation in time";
    throw KafkaMessageDeliveryError(
        fmt::format("{} of {} not delivered: {}", lost, count_of(lost + confirmed_, "message"), reason),
        first_error_ ? first_error_->code() : 0);
  }

 private:
  Context& context_;
  std::size_t confirmed_ = 0;
  std::size_t failed_ = 0;
  std::optional<KafkaMessageDeliveryError> first_error_;
};

void Produce::add_options(programs::Options& options) {
  options.group("Message");
  options.add({.names = "FILE", .target = &file_, .help = "The value [default: -, standard input]"});
  options.add({.names = "-t,--topic",
               .target = &topic_,
               .help = "The pipeline, e.g. test",
               .value = "PIPELINE",
               .required = true});
  options.add({.names = "--value", .target = &value_, .help = "The value itself, instead of FILE"});
  options.add(
      {.names = "-k,--key", .target = &key_, .help = "Messages of one key keep their order", .value = "KEY"});
  options.add({.names = "-H,--header",
               .target = &headers_,
               .help = "A header; may be repeated",
               .value = "NAME=VALUE"});
  options.add({.names = "-p,--partition",
               .target = &partition_,
               .help = "[default: chosen from the key]",
               .value = "N"});
  options.add({.names = "-l,--lines", .target = &lines_, .help = "Each line is a message"});
  options.add({.names = "--timeout",
               .target = &timeout_,
               .help = "Wait at most this long for the confirmations [default: 30s]",
               .value = "DURATION"});
  add_connection_options(options, connection_);
}

void Produce::check() const {
  if (value_ && (lines_ || file_ != "-"))
    throw UsageError("--value is the message; leave FILE and --lines away");
  if (partition_ && *partition_ > 0x7fffffffU) throw UsageError("--partition is too large");
}

kafka::ProduceOptions Produce::message_options() const {
  kafka::ProduceOptions options;
  options.key = key_;
  options.headers = headers_;
  if (partition_) options.partition = static_cast<std::int32_t>(*partition_);
  return options;
}

ExitCode Produce::run(Context& context) {
  note_sources(context.options, connection_);
  check();
  kafka::ProducerOptions options = producer_options(connection_);
  options.topic = programs::pipeline_of(topic_, *options.instance_name);
  kafka::Producer producer(std::move(options));
  return lines_ ? produce_lines(context, producer) : produce_one(context, producer);
}

ExitCode Produce::produce_one(Context& context, kafka::Producer& producer) const {
  const std::string value = value_ ? *value_ : read_input(file_);
  context.signals.set_notice("interrupted before the message was confirmed; it may still arrive");
  const auto start = steady_clock::now();
  const kafka::DeliveryReport report = producer.deliver(value, message_options(), timeout_);
  const auto time = steady_clock::now() - start;
  if (context.json) {
    context.output.line(delivery_json(report, time));
  } else if (!context.quiet) {
    context.output.line(fmt::format("{}[{}] @ {} in {}", report.topic, report.partition, report.offset,
                                    format_duration(time)));
  }
  return ExitCode::ok;
}

ExitCode Produce::produce_lines(Context& context, kafka::Producer& producer) const {
  // Shared, as the producer still reports while it closes.
  const auto tally = std::make_shared<Tally>(context);
  kafka::ProduceOptions options = message_options();
  options.on_delivery = [tally](const kafka::DeliveryReport& report) { tally->add(report); };
  const auto registration = context.signals.on_signal([] {}, signal_grace);
  const auto start = steady_clock::now();
  LineReader reader(file_, [&] {
    producer.poll();
    return !context.signals.received();
  });
  std::string line;
  while (!context.signals.received() && reader.next(line))
    producer.produce(std::string_view{line}, options);

  const std::size_t pending = producer.flush(context.signals.received() ? flush_after_signal : timeout_);
  const Tally outcome = *tally;
  if (pending > 0) producer.close(milliseconds(0));  // withdraws and reports them
  outcome.require_all(pending);
  if (!context.json && !context.quiet) {
    context.output.line(fmt::format("{} confirmed in {}", count_of(outcome.confirmed(), "message"),
                                    format_duration(steady_clock::now() - start)));
  }
  return ExitCode::ok;
}

}  // namespace

void add_produce(programs::Program& program) {
  const auto produce = std::make_shared<Produce>();
  produce->add_options(program.add_command({.name = "produce",
                                            .description = "Publish a file, a text, or each line of input",
                                            .footer = footer,
                                            .log_level = {}},
                                           [produce](Context& context) { return produce->run(context); }));
}

}  // namespace gracedb::cli

#include "gracedb/kafka/producer.hpp"

#include "common/connection.hpp"
#include "core/duration.hpp"
#include "core/mutex.hpp"
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

// Time limit for the confirmations after a signal.
constexpr milliseconds flush_after_signal{1'000};
constexpr milliseconds signal_grace{2'000};

constexpr const char* footer =
    "FILE, or standard input, is one message; with --lines, each line is a message.\n"
    "Exits after the broker has confirmed all messages.\n\n"
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
      {"topic", report.topic}, {"partition", report.partition}, {"offset", report.offset.value()}};
  if (time) json["seconds"] = to_seconds(*time);
  return json.dump();
}

// Counts the delivery reports of one run, which arrive on a thread of the producer.
class DeliveryCounter {
 public:
  explicit DeliveryCounter(Context& context) : context_(context) {}

  void add(const kafka::DeliveryReport& report) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (report.error) {
      ++failed_;
      if (!first_error_) first_error_ = report.error;
      return;
    }
    ++confirmed_;
    if (context_.json) context_.output.line(delivery_json(report, std::nullopt));
  }

  std::size_t confirmed() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return confirmed_;
  }

  /// @throws KafkaMessageDeliveryError  a message was not delivered
  void require_all() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const std::size_t lost = failed_;
    if (lost == 0) return;
    const std::string reason = first_error_ ? first_error_->what() : "the broker did not confirm in time";
    throw KafkaMessageDeliveryError(
        fmt::format("{} of {} not delivered: {}", lost, count_of(lost + confirmed_, "message"), reason),
        first_error_ ? first_error_->code() : KafkaErrorCode::timed_out);
  }

 private:
  Context& context_;
  mutable Mutex mutex_;
  std::size_t confirmed_ GUARDED_BY(mutex_) = 0;
  std::size_t failed_ GUARDED_BY(mutex_) = 0;
  std::optional<KafkaMessageDeliveryError> first_error_ GUARDED_BY(mutex_);
};

void Produce::add_options(programs::Options& options) {
  options.group("Message");
  options.add({.names = "FILE",
               .target = &file_,
               .help = "File with the value, or - for standard input [default: -]"});
  options.add({.names = "-t,--topic",
               .target = &topic_,
               .help = "Pipeline, e.g. test",
               .value = "PIPELINE",
               .required = true});
  options.add({.names = "--value", .target = &value_, .help = "Value, instead of FILE"});
  options.add({.names = "-k,--key",
               .target = &key_,
               .help = "Key; messages with the same key keep their order",
               .value = "KEY"});
  options.add({.names = "-H,--header",
               .target = &headers_,
               .help = "Header; may be repeated",
               .value = "NAME=VALUE"});
  options.add({.names = "-p,--partition",
               .target = &partition_,
               .help = "Partition [default: determined by the key]",
               .value = "N"});
  options.add({.names = "-l,--lines", .target = &lines_, .help = "Send each line as a message"});
  options.add({.names = "--timeout",
               .target = &timeout_,
               .help = "Time limit for the confirmations [default: 30s]",
               .value = "DURATION"});
  add_connection_options(options, connection_);
}

void Produce::check() const {
  if (value_ && (lines_ || file_ != "-")) throw UsageError("--value cannot be combined with FILE or --lines");
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
  options.flush_timeout = timeout_;
  kafka::Producer producer(std::move(options));
  return lines_ ? produce_lines(context, producer) : produce_one(context, producer);
}

ExitCode Produce::produce_one(Context& context, kafka::Producer& producer) const {
  const std::string value = value_ ? *value_ : read_input(file_);
  context.signals.set_notice("before the broker confirmed the message; it may still arrive");
  const auto start = steady_clock::now();
  const kafka::DeliveryReport report = producer.deliver(value, message_options());
  const auto time = steady_clock::now() - start;
  if (context.json) {
    context.output.line(delivery_json(report, time));
  } else if (!context.quiet) {
    context.output.line(fmt::format("{}[{}] @ {} in {}", report.topic, report.partition, *report.offset,
                                    format_duration(time)));
  }
  return ExitCode::ok;
}

ExitCode Produce::produce_lines(Context& context, kafka::Producer& producer) const {
  // Shared because the producer reports deliveries until it is closed.
  const auto counter = std::make_shared<DeliveryCounter>(context);
  kafka::ProduceOptions options = message_options();
  options.on_delivery = [counter](const kafka::DeliveryReport& report) { counter->add(report); };
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
  if (pending > 0) producer.close(milliseconds(0));  // counts them as failed
  counter->require_all();
  if (!context.json && !context.quiet) {
    context.output.line(fmt::format("{} confirmed in {}", count_of(counter->confirmed(), "message"),
                                    format_duration(steady_clock::now() - start)));
  }
  return ExitCode::ok;
}

}  // namespace

void add_produce(programs::Program& program) {
  const auto produce = std::make_shared<Produce>();
  produce->add_options(
      program.add_command({.name = "produce",
                           .description = "Publish a file, a text, or each line of the input",
                           .footer = footer,
                           .log_level = {}},
                          [produce](Context& context) { return produce->run(context); }));
}

}  // namespace gracedb::cli

#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/topics.hpp"

#include "common/connection.hpp"
#include "core/duration.hpp"
#include "core/text.hpp"
#include "gracedb-kafka/commands.hpp"
#include "gracedb-kafka/event_files.hpp"
#include "gracedb-kafka/instance_topics.hpp"
#include "gracedb-kafka/message_view.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>

namespace gracedb::cli {
namespace {

using programs::Context;
using programs::ExitCode;
using programs::UsageError;
using std::chrono::milliseconds;

// How long a poll lasts: bounds how late the end of the topics, or a stop between two polls, is noticed.
constexpr milliseconds poll_time{100};
// After a signal the command has to be gone within 0.3 s.
constexpr milliseconds signal_grace{250};
constexpr milliseconds close_after_signal{150};

constexpr const char* footer =
    "Without -t: every topic of the instance. Without -G: a group of its own, so that nothing is "
    "remembered.\n"
    "--from earliest and latest say where a group begins that has read nothing yet; a time always holds.\n"
    "The lines of --json have the keys of kcat -J; payloads that are not UTF-8 are base64 "
    "(payload_encoding).\n\n"
    "Examples:\n"
    "  gracedb-kafka consume -t gstlal\n"
    "  gracedb-kafka consume --from 10m -e --json | jq -r '.payload | fromjson | .graceid'\n"
    "  gracedb-kafka consume -t test --from earliest -c 5 --save events";

class Consume {
 public:
  void add_options(programs::Options& options);
  ExitCode run(Context& context);

 private:
  void check() const;
  kafka::Consumer make_consumer() const;
  std::vector<std::string> subscribe(kafka::Consumer& consumer) const;
  void say_hello(const Context& context, const std::vector<std::string>& pipelines) const;
  void read(Context& context, kafka::Consumer& consumer) const;
  void show(Context& context, const kafka::Message& message) const;
  void save(const Context& context, const kafka::Message& message) const;
  std::string render(const Context& context, const kafka::Message& message) const;

  programs::ConnectionOptions connection_;
  std::vector<std::string> topics_;
  std::optional<std::string> group_;
  std::string from_ = "latest";
  std::optional<std::uint32_t> count_;
  bool exit_at_end_ = false;
  bool raw_ = false;
  bool keys_ = false;
  bool full_ = false;
  bool parsed_ = false;
  std::optional<std::string> folder_;
};

void Consume::add_options(programs::Options& options) {
  options.group("Messages");
  options.add({.names = "-t,--topic",
               .target = &topics_,
               .help = "A pipeline, e.g. gstlal; may be repeated",
               .value = "PIPELINE"});
  options.add({.names = "-G,--group-id",
               .target = &group_,
               .help = "Share and remember the position as this group",
               .value = "NAME"});
  options.add(
      {.names = "--from",
       .target = &from_,
       .help = "earliest, latest, a time (2026-11-22T03:04:05Z, Unix seconds), or 10m ago [default: latest]",
       .value = "WHERE"});
  options.add(
      {.names = "-c,--count", .target = &count_, .help = "End after this many messages", .value = "N"});
  options.add({.names = "-e,--exit-at-end", .target = &exit_at_end_, .help = "End when everything is read"});
  options.group("Output");
  options.add(
      {.names = "--raw", .target = &raw_, .help = "The values alone, as they came, each with a newline"});
  options.add(
      {.names = "--keys", .target = &keys_, .help = "As --raw, with the key and a tab before each value"});
  options.add({.names = "--full", .target = &full_, .help = "Do not abbreviate long values"});
  options.add(
      {.names = "--parsed", .target = &parsed_, .help = "With --json: JSON payloads as JSON, not as text"});
  options.add({.names = "--save",
               .target = &folder_,
               .help = "Write the event files of upload messages to DIR/<graceid>/",
               .value = "DIR"});
  add_connection_options(options, connection_);
}

void Consume::check() const {
  if (count_ == 0U) throw UsageError("--count must be at least 1");
}

kafka::Consumer Consume::make_consumer() const {
  kafka::ConsumerOptions options = consumer_options(connection_);
  for (const std::string& topic : topics_) {
    options.topics.push_back(programs::pipeline_of(topic, *options.instance_name));
  }
  options.group_id = group_;
  options.track_end = exit_at_end_;
  if (from_ == "earliest" || from_ == "latest") {
    options.auto_offset_reset = from_;
  } else {
    options.start_time = parse_time(from_, std::chrono::system_clock::now());
  }
  return kafka::Consumer(std::move(options));
}

std::vector<std::string> Consume::subscribe(kafka::Consumer& consumer) const {
  if (!topics_.empty()) return topics_;
  std::vector<std::string> pipelines;
  for (const kafka::TopicInfo& topic : topics_of_instance(consumer.list_topics(), consumer.instance_name())) {
    pipelines.push_back(kafka::parse_topic_name(topic.name).second);
  }
  consumer.subscribe(pipelines);
  return pipelines;
}

void Consume::say_hello(const Context& context, const std::vector<std::string>& pipelines) const {
  if (!context.verbose && ::isatty(STDERR_FILENO) != 1) return;
  note(context, program_name,
       fmt::format("reading {} from {}; end with Ctrl-C", fmt::join(pipelines, ", "), from_));
}

ExitCode Consume::run(Context& context) {
  note_sources(context.options, connection_);
  check();
  kafka::Consumer consumer = make_consumer();
  say_hello(context, subscribe(consumer));
  const auto registration = context.signals.on_signal([&consumer] { consumer.stop(); }, signal_grace);
  read(context, consumer);
  if (context.signals.received()) {
    consumer.close(close_after_signal);
    return context.signals.exit_code();
  }
  consumer.close();
  return ExitCode::ok;
}

void Consume::read(Context& context, kafka::Consumer& consumer) const {
  std::uint32_t shown = 0;
  while (!context.signals.received()) {
    if (const auto message = consumer.poll(poll_time)) {
      show(context, *message);
      if (count_ && ++shown == *count_) return;
    } else if (exit_at_end_ && consumer.at_end()) {
      return;
    }
  }
}

void Consume::show(Context& context, const kafka::Message& message) const {
  if (folder_) save(context, message);
  context.output.write(render(context, message));
}

// One message that is not well-formed is no reason to stop showing the others.
void Consume::save(const Context& context, const kafka::Message& message) const {
  try {
    EventFiles(*folder_).save(message);
  } catch (const std::invalid_argument& error) {
    note(context, program_name,
         fmt::format("{}[{}] @ {} has no file that could be saved: {}", message.topic, message.partition,
                     message.offset, error.what()));
  }
}

std::string Consume::render(const Context& context, const kafka::Message& message) const {
  if (context.json) return message_json(message, parsed_) + "\n";
  if (keys_) return message.key.value_or("") + "\t" + message.value + "\n";
  if (raw_) return message.value + "\n";
  return message_text(message, context.style, {.full = full_, .headline_only = context.quiet});
}

}  // namespace

void add_consume(programs::Program& program) {
  const auto consume = std::make_shared<Consume>();
  consume->add_options(program.add_command(
      {.name = "consume", .description = "Show messages as they arrive", .footer = footer, .log_level = {}},
      [consume](Context& context) { return consume->run(context); }));
}

}  // namespace gracedb::cli

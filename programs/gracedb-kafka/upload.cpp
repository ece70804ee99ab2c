#include "gracedb/kafka/topics.hpp"

#include "common/connection.hpp"
#include "core/duration.hpp"
#include "gracedb-kafka/commands.hpp"
#include "gracedb-kafka/event_wait.hpp"
#include "gracedb-kafka/input.hpp"
#include "gracedb-kafka/upload_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

namespace gracedb::cli {
namespace {

using programs::Context;
using programs::ExitCode;
using programs::UsageError;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* footer =
    "FILE may be - for standard input; then name it with --filename.\n"
    "The first line of the output is the graceid alone; where none was reserved, the content id.\n"
    "With --wait, an event that is not complete in time ends with exit code 1: it is confirmed on Kafka and "
    "need\n"
    "not be submitted again.\n\n"
    "Examples:\n"
    "  gracedb-kafka upload CBC gstlal coinc.xml --search AllSky\n"
    "  gracedb-kafka upload Test gstlal coinc.xml --wait=30s --json\n"
    "  make-trigger | gracedb-kafka upload Burst CWB - --filename trigger.txt --http-fallback";

microseconds since(steady_clock::time_point start) {
  return std::chrono::duration_cast<microseconds>(steady_clock::now() - start);
}

class Upload {
 public:
  void add_options(programs::Options& options);
  ExitCode run(Context& context);

 private:
  std::string file_name() const;
  void check() const;
  std::optional<kafka::Producer> make_producer(rest::GraceDb& client) const;
  rest::CreatedEvent submit(rest::GraceDb& client, kafka::Producer* producer,
                            const std::string& contents) const;
  std::optional<rest::GraceDb> make_observer() const;
  ExitCode report_completion(Context& context, rest::GraceDb& observer, const rest::CreatedEvent& created,
                             UploadTimes times) const;

  programs::ConnectionOptions connection_;
  std::string group_;
  std::string pipeline_;
  std::string file_;
  std::optional<std::string> filename_;
  std::optional<std::string> search_;
  std::vector<std::string> labels_;
  bool offline_ = false;
  std::optional<std::string> replay_id_;
  bool http_only_ = false;
  bool http_fallback_ = false;
  bool no_gracedb_upload_ = false;
  bool skip_supervisor_ = false;
  std::optional<milliseconds> wait_;
  milliseconds timeout_{10'000};
};

void Upload::add_options(programs::Options& options) {
  options.group("Event");
  options.add({.names = "GROUP", .target = &group_, .help = "e.g. CBC, Burst or Test", .required = true});
  options.add({.names = "PIPELINE", .target = &pipeline_, .help = "e.g. gstlal", .required = true});
  options.add({.names = "FILE",
               .target = &file_,
               .help = "The event file, or - for standard input",
               .required = true});
  options.add({.names = "--filename",
               .target = &filename_,
               .help = "Its name in GraceDB [default: FILE's]",
               .value = "NAME"});
  options.add({.names = "--search", .target = &search_, .help = "e.g. AllSky", .value = "SEARCH"});
  options.add({.names = "--label",
               .target = &labels_,
               .help = "A label to apply; may be repeated",
               .value = "LABEL"});
  options.add({.names = "--offline", .target = &offline_, .help = "The event is of an offline analysis"});
  options.add({.names = "--replay-id",
               .target = &replay_id_,
               .help = "Marks the events of one replay; up to 30 of A-Z a-z 0-9 _ -",
               .value = "ID"});
  options.group("Route");
  options.add(
      {.names = "--http-fallback", .target = &http_fallback_, .help = "Where Kafka fails, go on over HTTP"});
  options.add({.names = "--http", .target = &http_only_, .help = "No Kafka at all: one HTTP upload"});
  options.add({.names = "--no-gracedb-upload",
               .target = &no_gracedb_upload_,
               .help = "Publish on Kafka only, without reserving a graceid"});
  options.add({.names = "--skip-supervisor",
               .target = &skip_supervisor_,
               .help = "The supervisor is to leave the message alone"});
  options.add({.names = "--wait",
               .target = &wait_,
               .help = "Wait until GraceDB shows the complete event, at most this long; --wait alone: 60s",
               .value = "DURATION",
               .implicit = "60s"});
  options.add({.names = "--timeout",
               .target = &timeout_,
               .help = "Wait at most this long for the broker's confirmation [default: 10s]",
               .value = "DURATION"});
  add_connection_options(options, connection_);
}

std::string Upload::file_name() const {
  return std::filesystem::path(filename_.value_or(file_)).filename().string();
}

void Upload::check() const {
  if (file_ == "-" && !filename_)
    throw UsageError("FILE is standard input; give it a name with --filename NAME");
  if (http_only_ && (http_fallback_ || no_gracedb_upload_ || skip_supervisor_)) {
    throw UsageError(
        "--http goes without Kafka; leave --http-fallback, --no-gracedb-upload and --skip-supervisor away");
  }
  if (wait_ && (no_gracedb_upload_ || skip_supervisor_)) {
    throw UsageError("--wait would never end: without the supervisor the event does not get into GraceDB");
  }
}

// A wrong pipeline is refused by create_event() in better words than "no such topic".
bool is_known_pipeline(const nlohmann::json& api_root, const std::string& pipeline) {
  const auto list = api_root.find("pipelines");
  return list == api_root.end() || !list->is_array() ||
         std::find(list->begin(), list->end(), pipeline) != list->end();
}

std::optional<kafka::Producer> Upload::make_producer(rest::GraceDb& client) const {
  if (http_only_) return std::nullopt;
  kafka::ProducerOptions options = producer_options(connection_);
  options.topic = kafka::topic_of_event(group_, pipeline_);
  options.flush_timeout = timeout_;
  // With a fallback, a broker that fails is found out by the delivery, and the event goes over HTTP.
  options.validate_token = !http_fallback_;
  options.check_for_topics = !http_fallback_;
  try {
    return client.create_kafka_producer(options);
  } catch (const KafkaTopicError&) {
    if (is_known_pipeline(client.api_root(), pipeline_)) throw;
    options.check_for_topics = false;
    return client.create_kafka_producer(std::move(options));
  }
}

// A client that does not try again by itself, as the wait for the event must end in time; connected
// beforehand.
std::optional<rest::GraceDb> Upload::make_observer() const {
  if (!wait_) return std::nullopt;
  rest::GraceDbOptions options = gracedb_options(connection_);
  options.retry.tries = 0;
  options.timeout = std::clamp(*wait_, milliseconds(1'000), milliseconds(10'000));
  rest::GraceDb observer(std::move(options));
  observer.api_root();
  return observer;
}

rest::CreatedEvent Upload::submit(rest::GraceDb& client, kafka::Producer* producer,
                                  const std::string& contents) const {
  return client.create_event({.group = group_,
                              .pipeline = pipeline_,
                              .filename = file_name(),
                              .search = search_,
                              .labels = labels_,
                              .offline = offline_,
                              .contents = contents,
                              .replay_id = replay_id_,
                              .kafka = producer,
                              .http_fallback = http_fallback_,
                              .gracedb_upload = !no_gracedb_upload_,
                              .skip_supervisor = skip_supervisor_});
}

ExitCode Upload::run(Context& context) {
  note_sources(context.options, connection_);
  check();
  if (!http_only_) require_bootstrap_servers(connection_);
  rest::GraceDb client(gracedb_options(connection_));
  const std::string contents = read_input(file_);

  const auto start = steady_clock::now();
  UploadTimes times;
  std::optional<kafka::Producer> producer = make_producer(client);
  std::optional<rest::GraceDb> observer = make_observer();
  if (producer) times.connect = since(start);
  context.signals.set_notice("interrupted before the event was confirmed; it may still arrive");
  const rest::CreatedEvent created = submit(client, producer ? &*producer : nullptr, contents);
  times.total = since(start);

  if (!context.json) {
    context.output.write(context.quiet ? upload_id(created) + "\n"
                                       : upload_text(created, times, context.style));
  }
  if (observer && created.graceid) return report_completion(context, *observer, created, times);
  if (context.json) context.output.line(upload_json(created, times, nullptr));
  return ExitCode::ok;
}

// The result of the submission is reported whether or not the event is complete in time.
ExitCode Upload::report_completion(Context& context, rest::GraceDb& observer,
                                   const rest::CreatedEvent& created, UploadTimes times) const {
  context.signals.set_notice(fmt::format(
      "interrupted while waiting for {}; it is submitted and need not be again", *created.graceid));
  const auto confirmed = steady_clock::now();
  times.waited = true;
  try {
    const nlohmann::json event = wait_for_event(observer, *created.graceid, file_name(), *wait_);
    times.completion = since(confirmed);
    times.total += *times.completion;
    if (context.json) context.output.line(upload_json(created, times, event));
    if (!context.json && !context.quiet) context.output.write(completion_text(event, times));
  } catch (const programs::OutputError&) {
    throw;
  } catch (const std::exception&) {
    if (context.json) context.output.line(upload_json(created, times, nullptr));
    throw;
  }
  return ExitCode::ok;
}

}  // namespace

void add_upload(programs::Program& program) {
  const auto upload = std::make_shared<Upload>();
  upload->add_options(program.add_command({.name = "upload",
                                           .description = "Submit an event file to GraceDB through Kafka",
                                           .footer = footer,
                                           .log_level = {}},
                                          [upload](Context& context) { return upload->run(context); }));
}

}  // namespace gracedb::cli

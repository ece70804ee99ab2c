#include "gracedb-kafka/upload.hpp"

#include "gracedb/errors.hpp"
#include "gracedb/kafka/topics.hpp"

#include "common/connection.hpp"
#include "common/exit_code.hpp"
#include "core/duration.hpp"
#include "core/text.hpp"
#include "gracedb-kafka/commands.hpp"
#include "gracedb-kafka/input.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

namespace gracedb::cli {

using nlohmann::ordered_json;
using programs::Context;
using programs::ExitCode;
using programs::UsageError;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// ---- Report

namespace {

std::string row(std::string_view name, std::string_view text) {
  return fmt::format("  {:<12} {}\n", name, text);
}

std::string_view name_of(rest::EventRoute route) {
  switch (route) {
    case rest::EventRoute::kafka:
      return "kafka";
    case rest::EventRoute::http_completion:
      return "http_completion";
    case rest::EventRoute::http:
      return "http";
  }
  return "?";
}

std::string text_of(const nlohmann::json& event, const char* key) {
  const auto found = event.find(key);
  if (found == event.end() || found->is_null()) return {};
  return printable_line(found->is_string() ? found->get<std::string>() : found->dump());
}

// "Test gstlal AllSky, gpstime 971609248.151741, far 3.27e-07, instruments H1,L1"
std::string summary(const nlohmann::json& event) {
  std::string text;
  for (const char* key : {"group", "pipeline", "search"}) {
    const std::string word = text_of(event, key);
    if (!word.empty()) text += (text.empty() ? "" : " ") + word;
  }
  for (const char* key : {"gpstime", "far", "instruments"}) {
    const std::string value = text_of(event, key);
    if (!value.empty()) text += fmt::format(", {} {}", key, value);
  }
  return text;
}

std::string link_of(const nlohmann::json& event) {
  const auto links = event.find("links");
  if (links == event.end() || !links->is_object()) return {};
  return text_of(*links, "self");
}

}  // namespace

std::string upload_id(const rest::CreatedEvent& created) {
  return created.graceid.value_or(created.content_id);
}

std::string upload_text(const rest::CreatedEvent& created, const UploadTimes& times,
                        const programs::Style& style) {
  std::string text = style.bold(printable_line(upload_id(created))) + "\n";
  text += row("content id", created.content_id);
  if (times.connect) text += row("connected", fmt::format("in {}", format_duration(*times.connect)));
  if (created.graceid && created.route != rest::EventRoute::http) {
    text += row("reserved", fmt::format("{} in {}", printable_line(*created.graceid),
                                        format_duration(created.reservation_time)));
  }
  if (created.delivery) {
    text += row("confirmed",
                fmt::format("{}[{}] @ {} in {}", created.delivery->topic, created.delivery->partition,
                            *created.delivery->offset, format_duration(created.delivery_time)));
  } else {
    const bool completed = created.route == rest::EventRoute::http_completion;
    text += row("uploaded", fmt::format("over HTTP in {}{}", format_duration(times.total),
                                        completed ? ", with the reserved graceid, after Kafka failed" : ""));
  }
  return text;
}

std::string completion_text(const nlohmann::json& event, const UploadTimes& times) {
  std::string text;
  if (times.completion) {
    text += row("complete", fmt::format("in GraceDB after {}, {} since the start",
                                        format_duration(*times.completion), format_duration(times.total)));
  }
  text += row("event", summary(event));
  if (const std::string link = link_of(event); !link.empty()) text += row("", link);
  return text;
}

std::string upload_json(const rest::CreatedEvent& created, const UploadTimes& times,
                        const nlohmann::json& event) {
  ordered_json json{
      {"graceid", nullptr}, {"content_id", created.content_id}, {"route", name_of(created.route)}};
  if (created.graceid) json["graceid"] = *created.graceid;
  auto seconds = ordered_json::object();
  if (times.connect) seconds["connect"] = to_seconds(*times.connect);
  if (created.graceid && created.route != rest::EventRoute::http) {
    seconds["reservation"] = to_seconds(created.reservation_time);
  }
  if (created.delivery) {
    json["topic"] = created.delivery->topic;
    json["partition"] = created.delivery->partition;
    json["offset"] = created.delivery->offset.value();
    seconds["delivery"] = to_seconds(created.delivery_time);
  }
  if (times.completion) seconds["completion"] = to_seconds(*times.completion);
  seconds["total"] = to_seconds(times.total);
  json["seconds"] = std::move(seconds);
  if (times.waited) json["complete"] = times.completion.has_value();
  if (!event.is_null()) json["event"] = event;
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// ---- Wait for the event

namespace {

constexpr milliseconds min_interval{5};
constexpr milliseconds max_interval{1'000};

bool is_transient(const HttpError& error) { return error.status() == 404 || error.status() >= 500; }

// The event, or nullopt if it is incomplete; `reason` then says why.
std::optional<nlohmann::json> poll_event(rest::GraceDb& client, const std::string& graceid,
                                         const std::string& file_name, std::string& reason) {
  try {
    if (!lists_file(client.files(graceid).json(), file_name)) {
      reason = "GraceDB does not list its file yet";
      return std::nullopt;
    }
    return client.event(graceid).json();
  } catch (const HttpError& error) {
    if (!is_transient(error)) throw;
    reason = error.status() == 404 ? "GraceDB does not list it yet" : error.what();
  } catch (const HttpConnectionError& error) {
    reason = error.what();
  } catch (const std::invalid_argument& error) {
    reason = error.what();  // not JSON, e.g. from a proxy
  }
  return std::nullopt;
}

}  // namespace

bool lists_file(const nlohmann::json& files, std::string_view name) {
  if (!files.is_object()) return false;
  const auto list = files.find("files");
  if (list == files.end() || !list->is_array()) return files.contains(name);
  return std::any_of(list->begin(), list->end(), [name](const nlohmann::json& file) {
    const nlohmann::json& listed = file.is_object() ? file.value("filename", nlohmann::json()) : file;
    return listed.is_string() && listed.get_ref<const std::string&>() == name;
  });
}

nlohmann::json wait_for_event(rest::GraceDb& client, const std::string& graceid, const std::string& file_name,
                              milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  std::string reason;
  for (milliseconds interval = min_interval;; interval = std::min(interval * 3 / 2, max_interval)) {
    if (auto event = poll_event(client, graceid, file_name, reason)) return *std::move(event);
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    if (left <= milliseconds(0)) break;
    std::this_thread::sleep_for(std::min(interval, left));
  }
  throw programs::ProgramError(
      programs::ExitCode::other,
      fmt::format(
          "{} is not complete in GraceDB after {} ({}); do not submit it again: it is submitted, and the "
          "supervisor completes it later",
          graceid, format_duration(timeout), reason));
}

// ---- Command

namespace {

constexpr const char* footer =
    "FILE - is standard input and requires --filename.\n"
    "The first line of the output is the graceid, or the content id if no graceid was reserved.\n"
    "With --wait, the exit code is 1 if the event is not complete in time. It is confirmed on Kafka: do not\n"
    "submit it again.\n\n"
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
  options.add({.names = "GROUP", .target = &group_, .help = "E.g. CBC, Burst or Test", .required = true});
  options.add({.names = "PIPELINE", .target = &pipeline_, .help = "E.g. gstlal", .required = true});
  options.add(
      {.names = "FILE", .target = &file_, .help = "Event file, or - for standard input", .required = true});
  options.add({.names = "--filename",
               .target = &filename_,
               .help = "Name of the file in GraceDB [default: the name of FILE]",
               .value = "NAME"});
  options.add({.names = "--search", .target = &search_, .help = "E.g. AllSky", .value = "SEARCH"});
  options.add(
      {.names = "--label", .target = &labels_, .help = "Label to apply; may be repeated", .value = "LABEL"});
  options.add({.names = "--offline", .target = &offline_, .help = "The event is from an offline analysis"});
  options.add({.names = "--replay-id",
               .target = &replay_id_,
               .help = "Identifier of a replay; up to 30 characters of A-Z a-z 0-9 _ -",
               .value = "ID"});
  options.group("Route");
  options.add({.names = "--http-fallback",
               .target = &http_fallback_,
               .help = "If Kafka fails, complete the event over HTTP"});
  options.add({.names = "--http", .target = &http_only_, .help = "Upload over HTTP, without Kafka"});
  options.add({.names = "--no-gracedb-upload",
               .target = &no_gracedb_upload_,
               .help = "Publish on Kafka without reserving a graceid"});
  options.add({.names = "--skip-supervisor",
               .target = &skip_supervisor_,
               .help = "Mark the message so that the supervisor skips it"});
  options.add({.names = "--wait",
               .target = &wait_,
               .help = "Wait until the event is complete in GraceDB, at most this long; --wait alone: 60s",
               .value = "DURATION",
               .implicit = "60s"});
  options.add({.names = "--timeout",
               .target = &timeout_,
               .help = "Time limit for the broker's confirmation [default: 10s]",
               .value = "DURATION"});
  add_connection_options(options, connection_);
}

std::string Upload::file_name() const {
  return std::filesystem::path(filename_.value_or(file_)).filename().string();
}

void Upload::check() const {
  if (file_ == "-" && !filename_) throw UsageError("standard input requires --filename NAME");
  if (http_only_ && (http_fallback_ || no_gracedb_upload_ || skip_supervisor_)) {
    throw UsageError(
        "--http cannot be combined with --http-fallback, --no-gracedb-upload or --skip-supervisor");
  }
  if (wait_ && (no_gracedb_upload_ || skip_supervisor_)) {
    throw UsageError(
        "--wait cannot be combined with --no-gracedb-upload or --skip-supervisor: the event would not be "
        "completed");
  }
}

// For an unknown pipeline, the error of create_event() is clearer than the one of the missing topic.
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
  // With a fallback, do not fail here: the failed delivery starts the fallback.
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

// A second client without retries, so that the wait ends in time. Connects before the upload.
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
  context.signals.set_notice("before the broker confirmed the event; it may still arrive");
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

// Prints the result of the submission even if the event is not complete in time.
ExitCode Upload::report_completion(Context& context, rest::GraceDb& observer,
                                   const rest::CreatedEvent& created, UploadTimes times) const {
  context.signals.set_notice(
      fmt::format("while waiting for {}; do not submit it again, it is submitted", *created.graceid));
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

#include "gracedb-kafka-supervisor/serve.hpp"

#include "common/connection.hpp"
#include "common/exit_code.hpp"
#include "core/log.hpp"
#include "gracedb-kafka-supervisor/sizes.hpp"
#include "gracedb-kafka-supervisor/spool_directory.hpp"
#include "gracedb-kafka-supervisor/status_option.hpp"
#include "supervisor/http_uploader.hpp"
#include "supervisor/service_manager.hpp"
#include "supervisor/supervisor.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::supervisor {
namespace {

using programs::Context;
using programs::ExitCode;
using programs::UsageError;
using std::chrono::milliseconds;

constexpr log::Logger logger{"gracedb.supervisor"};

/// What leaving the group and the last commit may take after the drain.
constexpr milliseconds leaving_time{10'000};

// -X speaks of the consumer, too; librdkafka warns of what a producer does not know.
void keep_to_producers(std::map<std::string, std::string>& properties) {
  constexpr std::array<std::string_view, 11> of_consumers{
      "auto.commit.", "auto.offset.", "check.crcs", "enable.auto.", "enable.partition.eof",
      "fetch.",       "group.",       "heartbeat.", "max.poll.",    "partition.",
      "session."};
  std::erase_if(properties, [&](const auto& property) {
    return std::any_of(of_consumers.begin(), of_consumers.end(),
                       [&](std::string_view beginning) { return property.first.starts_with(beginning); });
  });
}

std::string name_of_process() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return fmt::format("{}-{}", host.data(), ::getpid());
}

// The line that text logs have, its parts as members.
void log_as_json(const EventRecord& record) {
  const auto ms = [](std::chrono::microseconds duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
  };
  nlohmann::ordered_json fields{
      {"outcome", name_of(record.outcome)}, {"graceid", nullptr},      {"topic", record.topic},
      {"partition", record.partition},      {"offset", record.offset}, {"attempts", record.attempts},
      {"ms", ms(record.duration)}};
  if (!record.graceid.empty()) fields["graceid"] = record.graceid;
  if (record.latency) fields["latency_ms"] = ms(*record.latency);
  if (record.rejection) fields["reason"] = name_of(*record.rejection);
  if (!record.detail.empty()) fields["detail"] = record.detail;
  programs::write_json_log(level_of(record), logger.name, name_of(record.outcome), fields);
}

class Serve {
 public:
  void add_options(programs::Options& options);
  ExitCode run(Context& context);

 private:
  SupervisorOptions supervisor_options() const;
  DeadLetterTopicOptions dead_letter_topic(const SupervisorOptions& options) const;
  HttpUploaderOptions uploader_options(const SupervisorOptions& options) const;
  Rules rules() const;
  std::size_t max_in_flight() const;
  std::size_t max_in_flight_bytes() const;
  static std::string dead_letter_place(const SupervisorOptions& options);
  Identity identity(const SupervisorOptions& options) const;
  void describe(const SupervisorOptions& options) const;

  programs::ConnectionOptions connection_;
  std::vector<std::string> topics_;
  std::optional<std::string> group_id_;
  std::vector<std::string> server_aliases_;
  std::optional<std::string> dead_letter_topic_;
  std::optional<std::string> spool_directory_;
  std::optional<std::uint32_t> max_in_flight_;
  std::string max_in_flight_bytes_ = "256MiB";
  milliseconds drain_timeout_{30'000};
  milliseconds upload_timeout_{30'000};
  std::optional<std::string> listen_;
  std::optional<std::string> ready_file_;
  bool check_config_ = false;
};

void Serve::add_options(programs::Options& options) {
  options.group("Messages");
  options.add({.names = "-t,--topic",
               .target = &topics_,
               .help =
                   "Read this pipeline's topic; may be repeated [default: every topic of the instance, also "
                   "those that appear later]",
               .value = "PIPELINE",
               .key = "supervisor.topics"});
  options.add({.names = "-G,--group-id",
               .target = &group_id_,
               .help = "The group that shares the work [default: gracedb-kafka-supervisor-INSTANCE]",
               .value = "NAME",
               .key = "supervisor.group_id"});
  options.add({.names = "--server-alias",
               .target = &server_aliases_,
               .help =
                   "Another URL under which clients know this GraceDB; their messages are taken, too; may be "
                   "repeated",
               .value = "URL",
               .key = "supervisor.server_aliases"});
  options.add({.names = "--dead-letter-topic",
               .target = &dead_letter_topic_,
               .help =
                   "Set messages that cannot be processed aside on this topic; the directory is for what it "
                   "does not take",
               .value = "NAME",
               .key = "supervisor.dead_letter_topic"});
  options.add(
      {.names = "--spool-dir",
       .target = &spool_directory_,
       .help = "Where messages that cannot be processed are set aside [default: $STATE_DIRECTORY/spool or "
               "$XDG_STATE_HOME/gracedb-kafka/spool]",
       .value = "DIR",
       .key = "supervisor.spool_dir"});
  options.group("Uploads");
  options.add({.names = "--max-in-flight",
               .target = &max_in_flight_,
               .help = "Uploads at a time [default: 64]",
               .value = "N",
               .key = "supervisor.max_in_flight"});
  options.add({.names = "--max-in-flight-bytes",
               .target = &max_in_flight_bytes_,
               .help = "Memory they may take [default: 256MiB]",
               .value = "SIZE",
               .key = "supervisor.max_in_flight_bytes"});
  options.add({.names = "--upload-timeout",
               .target = &upload_timeout_,
               .help = "After this an upload without an answer is tried again [default: 30s]",
               .value = "DURATION",
               .key = "supervisor.upload_timeout"});
  options.add({.names = "--drain-timeout",
               .target = &drain_timeout_,
               .help = "At the end, wait at most this long for what is under way [default: 30s]",
               .value = "DURATION",
               .key = "supervisor.drain_timeout"});
  options.group("Service");
  options.add({.names = "--listen",
               .target = &listen_,
               .help = fmt::format(
                   "Where metrics, probes and the status page are served: HOST:PORT, port 0 for a free "
                   "one, or none [default: {}]",
                   default_status_address()),
               .value = "ADDRESS",
               .key = "supervisor.listen"});
  options.add({.names = "--ready-file",
               .target = &ready_file_,
               .help = "Make this file when ready, remove it at the end",
               .value = "FILE",
               .key = "supervisor.ready_file"});
  options.add({.names = "--check-config",
               .target = &check_config_,
               .help = "Check options and configuration, connect to nothing, and exit"});
  add_connection_options(options, connection_);
}

std::size_t Serve::max_in_flight() const {
  const std::uint32_t number = max_in_flight_.value_or(64);
  constexpr std::uint32_t most = 1'000;
  if (number < 1 || number > most) throw UsageError(fmt::format("--max-in-flight must be 1 to {}", most));
  return number;
}

std::size_t Serve::max_in_flight_bytes() const {
  try {
    return parse_size(max_in_flight_bytes_);
  } catch (const std::invalid_argument& fault) {
    throw UsageError(fmt::format("--max-in-flight-bytes: {}", fault.what()));
  }
}

Rules Serve::rules() const {
  Rules rules;
  rules.servers.emplace_back(require_service_url(connection_));
  for (const std::string& alias : server_aliases_) {
    try {
      rules.servers.emplace_back(alias);
    } catch (const std::invalid_argument& fault) {
      throw UsageError(fmt::format("--server-alias: {}", fault.what()));
    }
  }
  return rules;
}

SupervisorOptions Serve::supervisor_options() const {
  SupervisorOptions options{.consumer = consumer_options(connection_), .rules = rules()};
  const std::string instance = options.consumer.instance_name.value();
  options.consumer.group_id = group_id_.value_or(fmt::format("{}-{}", program_name, instance));
  for (const std::string& topic : topics_)
    options.pipelines.push_back(programs::pipeline_of(topic, instance));
  options.spool_directory = spool_directory(spool_directory_);
  if (dead_letter_topic_) options.dead_letter_topic = dead_letter_topic(options);
  options.max_in_flight = max_in_flight();
  options.max_in_flight_bytes = max_in_flight_bytes();
  options.drain_timeout = drain_timeout_;
  return options;
}

DeadLetterTopicOptions Serve::dead_letter_topic(const SupervisorOptions& options) const {
  const std::string instance = options.consumer.instance_name.value();
  DeadLetterTopicOptions topic{
      .pipeline = programs::pipeline_of(*dead_letter_topic_, instance),
      .producer = producer_options(connection_),
      .reporter = {.group = options.consumer.group_id.value(), .process = name_of_process()}};
  keep_to_producers(topic.producer.kafka_config);
  const auto& read = options.pipelines;
  if (std::find(read.begin(), read.end(), topic.pipeline) != read.end())
    throw UsageError("--dead-letter-topic is one of the topics that are read");
  return topic;
}

HttpUploaderOptions Serve::uploader_options(const SupervisorOptions& options) const {
  HttpUploaderOptions uploader{.gracedb = gracedb_options(connection_),
                               .kafka_server = connection_.bootstrap_servers,
                               .most_connections = options.max_in_flight,
                               .monitor = options.monitor};
  uploader.gracedb.timeout = upload_timeout_;
  return uploader;
}

std::string Serve::dead_letter_place(const SupervisorOptions& options) {
  const std::string spool = options.spool_directory.native();
  return options.dead_letter_topic
             ? fmt::format("topic {}, or {}", options.dead_letter_topic->pipeline, spool)
             : spool;
}

Identity Serve::identity(const SupervisorOptions& options) const {
  return {.instance_name = options.consumer.instance_name.value(),
          .group_id = options.consumer.group_id.value(),
          .service_url = require_service_url(connection_),
          .bootstrap_servers = connection_.bootstrap_servers,
          .dead_letters = dead_letter_place(options),
          .max_in_flight = options.max_in_flight,
          .max_in_flight_bytes = options.max_in_flight_bytes};
}

void Serve::describe(const SupervisorOptions& options) const {
  logger.info("{} at {} for GraceDB at {}; group {}; messages that cannot be processed go to {}",
              options.consumer.instance_name.value(), connection_.bootstrap_servers,
              require_service_url(connection_), options.consumer.group_id.value(),
              dead_letter_place(options));
}

ExitCode Serve::run(Context& context) {
  note_sources(context.options, connection_);
  SupervisorOptions options = supervisor_options();
  const HttpUploaderOptions uploader = uploader_options(options);
  check(options);
  check_status_address(listen_);
  describe(options);
  if (check_config_) return ExitCode::ok;

  if (context.log_format == programs::LogFormat::json) options.on_settled = log_as_json;
  const auto status = open_status_server(listen_, identity(options), *options.monitor);
  const auto environment = programs::process_environment();
  const auto watchdog = watchdog_interval(environment("WATCHDOG_USEC"), environment("WATCHDOG_PID"));
  if (watchdog) {
    options.longest_wait = std::min(options.longest_wait, std::chrono::floor<milliseconds>(*watchdog / 4));
  }
  ServiceManager service(environment("NOTIFY_SOCKET"), ready_file_, watchdog);
  options.on_turn = [&service, monitor = options.monitor] {
    service.turned(ServiceManager::Clock::now(), [&monitor] { return status_line(*monitor); });
  };
  options.on_ready = [&service] { service.ready(); };
  Supervisor supervisor(options, [&uploader](ResultQueue& results) {
    return std::make_unique<HttpUploader>(uploader, results);
  });
  const auto registration = context.signals.on_signal(
      [&] {
        service.stopping();
        supervisor.stop();
      },
      drain_timeout_ + leaving_time);
  supervisor.run();
  return ExitCode::ok;
}

}  // namespace

void set_up(programs::Program& program) {
  const auto serve = std::make_shared<Serve>();
  serve->add_options(program.set_main([serve](Context& context) { return serve->run(context); }));
}

}  // namespace gracedb::supervisor

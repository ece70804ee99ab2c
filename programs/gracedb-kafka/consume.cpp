#include "gracedb-kafka/consume.hpp"

#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/topics.hpp"
#include "gracedb/kafka/upload_message.hpp"

#include "common/connection.hpp"
#include "core/duration.hpp"
#include "core/encoding.hpp"
#include "core/file.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "gracedb-kafka/commands.hpp"
#include "gracedb-kafka/topics.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>

namespace gracedb::cli {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using programs::Context;
using programs::ExitCode;
using programs::UsageError;
using std::chrono::milliseconds;

// ---- Formats of a message

namespace {

constexpr std::size_t max_string = 200;
constexpr std::size_t shown_of_long_string = 60;

// Parses JSON; discarded if the text is not JSON or too deep: copying and printing a tree recurse.
ordered_json parse_ordered(const std::string& text) {
  const auto limit_depth = [](int depth, ordered_json::parse_event_t /*event*/, ordered_json& /*value*/) {
    if (depth > static_cast<int>(max_json_depth)) throw std::length_error("too deep");
    return true;
  };
  try {
    return ordered_json::parse(text, limit_depth, false);
  } catch (const std::length_error&) {
    return ordered_json::value_t::discarded;
  }
}

void add_value(ordered_json& line, const std::string& name, const std::string& bytes) {
  if (is_utf8(bytes)) {
    line[name] = bytes;
  } else {
    line[name] = to_base64(bytes);
    line[name + "_encoding"] = "base64";
  }
}

void add_headers(ordered_json& line, const kafka::Headers& headers) {
  const bool text = std::all_of(headers.begin(), headers.end(), [](const auto& header) {
    return is_utf8(header.first) && is_utf8(header.second);
  });
  auto list = ordered_json::array();
  for (const auto& [name, value] : headers) {
    list.push_back(is_utf8(name) ? name : printable(name));
    list.push_back(text ? value : to_base64(value));
  }
  line["headers"] = std::move(list);
  if (!text) line["headers_encoding"] = "base64";
}

std::string cut(const std::string& text) {
  std::size_t end = shown_of_long_string;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80)
    --end;
  return fmt::format("{}… ({} in total)", text.substr(0, end), format_size(text.size()));
}

std::size_t decoded_size(const std::string& base64) {
  const std::size_t padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;
  return base64.size() / 4 * 3 - std::min(padding, base64.size() / 4 * 3);
}

bool is_event_file(const ordered_json& value) {
  return value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_string();
}

std::string kind_text(const kafka::Message& message, const ordered_json& value) {
  const kafka::MessageKind kind =
      value.is_object() ? kafka::kind_of(message.value) : kafka::MessageKind::other;
  if (kind == kafka::MessageKind::ping) return "ping";
  if (kind != kafka::MessageKind::upload) return format_size(message.value.size());
  const auto file = value.find("eventFile");
  if (file == value.end() || !is_event_file(*file)) return "upload";
  return fmt::format("upload of {}, {}", printable_line((*file)[0].get<std::string>()),
                     format_size(decoded_size((*file)[1].get_ref<const std::string&>())));
}

std::string headline(const kafka::Message& message, const programs::Style& style, std::string_view kind) {
  std::string line = style.bold(
      fmt::format("{}[{}] @ {}", printable_line(message.topic), message.partition, message.offset));
  if (message.timestamp) line += "  " + format_timestamp(*message.timestamp);
  if (message.key) line += fmt::format("  key {}", printable_line(*message.key));
  return fmt::format("{}  {}\n", line, kind);
}

std::string body(const kafka::Message& message, const ordered_json& value, const TextFormat& format) {
  if (!value.is_discarded()) return printable((format.full ? value : abbreviate(value)).dump(2));
  if (!is_utf8(message.value)) return fmt::format("({} of binary data)", format_size(message.value.size()));
  if (format.full || message.value.size() <= 10 * max_string) return printable(message.value);
  return printable(cut(message.value));
}

}  // namespace

std::string message_json(const kafka::Message& message, bool parsed) {
  ordered_json line{{"topic", message.topic}, {"partition", message.partition}, {"offset", message.offset}};
  line["ts"] = nullptr;
  if (message.timestamp) {
    using std::chrono::milliseconds;
    line["ts"] = std::chrono::floor<milliseconds>(message.timestamp->time_since_epoch()).count();
  }
  if (!message.headers.empty()) add_headers(line, message.headers);
  line["key"] = nullptr;
  if (message.key) add_value(line, "key", *message.key);
  auto value = parsed ? parse_ordered(message.value) : ordered_json(ordered_json::value_t::discarded);
  if (value.is_discarded()) {
    add_value(line, "payload", message.value);
  } else {
    line["payload"] = std::move(value);
  }
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

ordered_json abbreviate(ordered_json value) {
  if (value.is_object() && value.contains("eventFile") && is_event_file(value["eventFile"])) {
    auto& contents = value["eventFile"][1].get_ref<std::string&>();
    contents = fmt::format("({} in base64)", format_size(decoded_size(contents)));
  }
  if (value.is_structured()) {
    for (auto& item : value)
      item = abbreviate(std::move(item));
  } else if (value.is_string() && value.get_ref<const std::string&>().size() > max_string) {
    value = cut(value.get_ref<const std::string&>());
  }
  return value;
}

std::string message_text(const kafka::Message& message, const programs::Style& style,
                         const TextFormat& format) {
  const auto value = parse_ordered(message.value);
  std::string text = headline(message, style, kind_text(message, value));
  if (format.headline_only) return text;
  for (const auto& [name, content] : message.headers) {
    text += fmt::format("{}: {}\n", printable_line(name), printable_line(content));
  }
  text += body(message, value, format);
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

// ---- Event files

namespace {

bool is_safe(unsigned char c) {
  return c < 0x80 && (std::isalnum(c) != 0 ||
                      std::string_view("._-+,=").find(static_cast<char>(c)) != std::string_view::npos);
}

bool contains(const fs::path& path, const std::string& contents) {
  std::ifstream file(path, std::ios::binary);
  return file && std::equal(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(),
                            contents.begin(), contents.end());
}

}  // namespace

std::string safe_component(std::string_view name) {
  constexpr std::size_t max_size = 200;
  std::string safe(name.substr(0, max_size));
  for (char& c : safe) {
    if (!is_safe(static_cast<unsigned char>(c))) c = '_';
  }
  if (safe.empty()) return "_";
  if (safe.front() == '.') safe.front() = '_';
  return safe;
}

std::optional<fs::path> EventFiles::save(const kafka::Message& message) const {
  if (kafka::kind_of(message.value) != kafka::MessageKind::upload) return std::nullopt;
  const kafka::ReceivedUpload upload = kafka::parse_upload_message(message.value);
  const std::string position = fmt::format("{}-{}", message.partition, message.offset);
  const std::string name = safe_component(upload.message.file_name);
  const std::string event = safe_component(upload.message.graceid.value_or(message.topic + "-" + position));

  fs::path path = directory_ / event / name;
  std::error_code error;
  if (fs::exists(path, error)) {
    if (contains(path, upload.contents)) return path;
    path = directory_ / (event + "-" + position) / name;
  }
  fs::create_directories(path.parent_path(), error);
  if (error) throw std::runtime_error(fmt::format("cannot write {}: {}", path.string(), error.message()));
  constexpr mode_t file_mode = 0644;
  write_file_atomically(path, upload.contents, file_mode);
  return path;
}

// ---- Command

std::vector<std::string> pipelines_of(const std::vector<std::string>& topics,
                                      std::string_view instance_name) {
  std::vector<std::string> pipelines;
  for (const std::string& topic : topics) {
    std::string pipeline = programs::pipeline_of(topic, instance_name);
    if (std::find(pipelines.begin(), pipelines.end(), pipeline) == pipelines.end())
      pipelines.push_back(std::move(pipeline));
  }
  return pipelines;
}

namespace {

// Delay until the end of the topics, or a signal between two polls, is noticed.
constexpr milliseconds poll_timeout{100};
// The command ends within 0.3 s of a signal.
constexpr milliseconds signal_grace{250};
constexpr milliseconds close_after_signal{150};

constexpr const char* footer =
    "Without -t: all topics of the instance. Without -G: a unique group, so no offsets are kept.\n"
    "--from earliest and --from latest apply only to a group without committed offsets; a time always does.\n"
    "--json prints the keys of kcat -J; payloads that are not UTF-8 are base64 (payload_encoding).\n\n"
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
  void print_banner(const Context& context, const std::vector<std::string>& pipelines) const;
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
  std::optional<std::string> save_directory_;
};

void Consume::add_options(programs::Options& options) {
  options.group("Messages");
  options.add({.names = "-t,--topic",
               .target = &topics_,
               .help = "Pipeline, e.g. gstlal; may be repeated",
               .value = "PIPELINE"});
  options.add({.names = "-G,--group-id",
               .target = &group_,
               .help = "Consumer group, which shares partitions and commits offsets",
               .value = "NAME"});
  options.add(
      {.names = "--from",
       .target = &from_,
       .help =
           "earliest, latest, a time (2026-11-22T03:04:05Z, Unix seconds), or an age (10m) [default: latest]",
       .value = "WHERE"});
  options.add(
      {.names = "-c,--count", .target = &count_, .help = "Exit after this many messages", .value = "N"});
  options.add(
      {.names = "-e,--exit-at-end", .target = &exit_at_end_, .help = "Exit at the end of the topics"});
  options.group("Output");
  options.add(
      {.names = "--raw", .target = &raw_, .help = "Print only the values, unchanged, each with a newline"});
  options.add(
      {.names = "--keys", .target = &keys_, .help = "Like --raw, with the key and a tab before each value"});
  options.add({.names = "--full", .target = &full_, .help = "Do not abbreviate long values"});
  options.add({.names = "--parsed",
               .target = &parsed_,
               .help = "With --json: JSON payloads as JSON instead of text"});
  options.add({.names = "--save",
               .target = &save_directory_,
               .help = "Save the event files of upload messages to DIR/<graceid>/",
               .value = "DIR"});
  add_connection_options(options, connection_);
}

void Consume::check() const {
  if (count_ == 0U) throw UsageError("--count must be at least 1");
}

kafka::Consumer Consume::make_consumer() const {
  kafka::ConsumerOptions options = consumer_options(connection_);
  options.topics = pipelines_of(topics_, *options.instance_name);
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
  if (!topics_.empty()) return pipelines_of(topics_, consumer.instance_name());
  std::vector<std::string> pipelines;
  for (const kafka::TopicInfo& topic : topics_of_instance(consumer.list_topics(), consumer.instance_name())) {
    pipelines.push_back(kafka::parse_topic_name(topic.name).second);
  }
  consumer.subscribe(pipelines);
  return pipelines;
}

void Consume::print_banner(const Context& context, const std::vector<std::string>& pipelines) const {
  if (!context.verbose && ::isatty(STDERR_FILENO) != 1) return;
  note(context, program_name,
       fmt::format("consuming {} from {}; stop with Ctrl-C", fmt::join(pipelines, ", "), from_));
}

ExitCode Consume::run(Context& context) {
  note_sources(context.options, connection_);
  check();
  kafka::Consumer consumer = make_consumer();
  print_banner(context, subscribe(consumer));
  const auto registration = context.signals.on_signal([&consumer] { consumer.wakeup(); }, signal_grace);
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
    if (const auto message = consumer.poll(poll_timeout)) {
      show(context, *message);
      if (count_ && ++shown == *count_) return;
    } else if (exit_at_end_ && consumer.at_end()) {
      return;
    }
  }
}

void Consume::show(Context& context, const kafka::Message& message) const {
  if (save_directory_) save(context, message);
  context.output.write(render(context, message));
}

// Continues after a malformed message.
void Consume::save(const Context& context, const kafka::Message& message) const {
  try {
    EventFiles(*save_directory_).save(message);
  } catch (const std::invalid_argument& error) {
    note(context, program_name,
         fmt::format("cannot save the event file of {}[{}] @ {}: {}", message.topic, message.partition,
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
      {.name = "consume", .description = "Print messages as they arrive", .footer = footer, .log_level = {}},
      [consume](Context& context) { return consume->run(context); }));
}

}  // namespace gracedb::cli

#include "gracedb-kafka-supervisor/dead_letters.hpp"

#include "gracedb/kafka/producer.hpp"
#include "gracedb/kafka/topics.hpp"

#include "common/connection.hpp"
#include "common/exit_code.hpp"
#include "core/text.hpp"
#include "gracedb-kafka-supervisor/dead_letter_report.hpp"
#include "gracedb-kafka-supervisor/spool_directory.hpp"
#include "supervisor/dead_letter_archive.hpp"
#include "supervisor/spool.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gracedb::supervisor {
namespace {

using programs::Context;
using programs::ExitCode;
using programs::UsageError;

constexpr std::chrono::milliseconds delivery_timeout{30'000};

/// Where dead letters are, and how to get at them.
class Stores {
 public:
  void add_options(programs::Options& options) {
    options.add({.names = "--dead-letter-topic",
                 .target = &topic_,
                 .help = "The topic on which the supervisors set messages aside",
                 .value = "NAME",
                 .key = "supervisor.dead_letter_topic"});
    options.add({.names = "--spool-dir",
                 .target = &spool_directory_,
                 .help = "The directory where they do [default: as the supervisor's]",
                 .value = "DIR",
                 .key = "supervisor.spool_dir"});
  }
  void add_connection_options(programs::Options& options) {
    programs::add_connection_options(options, connection_);
  }

  void open(const Context& context) {
    note_sources(context.options, connection_);
    // The topic comes first: it must be read before remove().
    if (topic_) {
      kafka::ConsumerOptions options = consumer_options(connection_);
      options.group_id = "gracedb-kafka-supervisor-dead-letters";  // never joined
      const std::string pipeline = programs::pipeline_of(*topic_, options.instance_name.value());
      stores_.push_back(std::make_unique<DeadLetterArchive>(options, pipeline, producer()));
    }
    // list must not create the directory.
    const auto directory = spool_directory(spool_directory_);
    if (std::filesystem::exists(directory)) stores_.push_back(std::make_unique<Spool>(directory));
  }

  /// Calls `show` for each entry, also one that is in both stores; `show` may remove it.
  void read(const std::function<void(const DeadLetter&, const DeadLetterStore&)>& show) {
    std::set<std::string> shown;
    for (const auto& store : stores_) {
      store->read([&](const DeadLetter& letter) {
        if (stores_.size() == 1 || shown.insert(identity_of(letter.message)).second) show(letter, *store);
      });
    }
  }

  /// Removes every copy in every store.
  void remove(const DeadLetter& letter) {
    for (const auto& store : stores_)
      store->remove(letter);
  }

  kafka::Producer& producer() {
    if (!producer_) {
      kafka::ProducerOptions options = producer_options(connection_);
      options.check_for_topics = false;
      options.flush_timeout = delivery_timeout;
      options.kafka_config.insert({"message.max.bytes", "67108864"});  // the broker knows its own limit
      producer_.emplace(std::move(options));
    }
    return *producer_;
  }

 private:
  programs::ConnectionOptions connection_;
  std::optional<std::string> topic_;
  std::optional<std::string> spool_directory_;
  std::optional<kafka::Producer> producer_;
  std::vector<std::unique_ptr<DeadLetterStore>> stores_;  // one of them uses the producer
};

/// Which letters are meant.
class Selection {
 public:
  void add_options(programs::Options& options, bool may_be_all) {
    options.add({.names = "ID",
                 .target = &ids_,
                 .help = "The letters meant, by the first column of the list; may be repeated"});
    if (may_be_all) options.add({.names = "--all", .target = &all_, .help = "Every letter"});
    options.add({.names = "--reason",
                 .target = &reason_,
                 .help = "Only those set aside for this reason, e.g. foreign_server",
                 .value = "REASON"});
    may_be_all_ = may_be_all;
  }

  void require_choice() const {
    if (ids_.empty() && !all_) {
      throw UsageError(may_be_all_ ? "which letters? Give their ids, or --all"
                                   : "which letters? Give their ids");
    }
    if (!ids_.empty() && all_) throw UsageError("give ids or --all, not both");
  }

  bool holds(const DeadLetter& letter) const {
    if (reason_ && letter.reason != *reason_) return false;
    return ids_.empty() || std::find(ids_.begin(), ids_.end(), letter.id) != ids_.end();
  }

  /// @throws UsageError  one that was named is not there
  void require_all_found(const std::set<std::string>& found) const {
    std::vector<std::string> missing;
    std::copy_if(ids_.begin(), ids_.end(), std::back_inserter(missing),
                 [&](const std::string& id) { return !found.contains(id); });
    if (!missing.empty()) throw UsageError(fmt::format("there is no letter {}", fmt::join(missing, ", ")));
  }

 private:
  std::vector<std::string> ids_;
  std::optional<std::string> reason_;
  bool all_ = false;
  bool may_be_all_ = false;
};

class DeadLettersCommand {
 public:
  virtual ~DeadLettersCommand() = default;
  DeadLettersCommand() = default;
  DeadLettersCommand(const DeadLettersCommand&) = delete;
  DeadLettersCommand& operator=(const DeadLettersCommand&) = delete;

  virtual void add_options(programs::Options& options) = 0;
  virtual ExitCode run(Context& context) = 0;

 protected:
  /// @throws UsageError  one that was named is not there
  void require_all_found() {
    std::set<std::string> found;
    stores_.read([&](const DeadLetter& letter, const DeadLetterStore&) {
      if (selection_.holds(letter)) found.insert(letter.id);
    });
    selection_.require_all_found(found);
  }

  Stores stores_;
  Selection selection_;
};

class List final : public DeadLettersCommand {
 public:
  void add_options(programs::Options& options) override {
    options.group("Letters");
    selection_.add_options(options, false);
    stores_.add_options(options);
    stores_.add_connection_options(options);
  }

  ExitCode run(Context& context) override {
    stores_.open(context);
    std::vector<LetterLine> lines;
    std::set<std::string> found;
    stores_.read([&](const DeadLetter& letter, const DeadLetterStore& store) {
      if (!selection_.holds(letter)) return;
      found.insert(letter.id);
      if (context.json) {
        context.output.line(to_json(letter, store.kind(), false));
      } else {
        lines.push_back(line_of(letter, store.kind()));
      }
    });
    selection_.require_all_found(found);
    if (context.json) return ExitCode::ok;
    if (lines.empty()) {
      note(context, "gracedb-kafka-supervisor", "there are no dead letters");
    } else {
      context.output.write(table_of(lines, context.style, !context.quiet));
    }
    return ExitCode::ok;
  }
};

class Show final : public DeadLettersCommand {
 public:
  void add_options(programs::Options& options) override {
    options.group("Letters");
    selection_.add_options(options, true);
    stores_.add_options(options);
    stores_.add_connection_options(options);
  }

  ExitCode run(Context& context) override {
    selection_.require_choice();
    stores_.open(context);
    std::set<std::string> found;
    stores_.read([&](const DeadLetter& letter, const DeadLetterStore& store) {
      if (!selection_.holds(letter)) return;
      const bool is_first = found.empty();
      found.insert(letter.id);
      if (context.json) {
        context.output.line(to_json(letter, store.kind(), true));
      } else {
        context.output.write((is_first ? "" : "\n") + describe(letter, store.kind(), context.style));
      }
    });
    selection_.require_all_found(found);
    return ExitCode::ok;
  }
};

/// Changes each selected entry and reports it.
class MutatingCommand : public DeadLettersCommand {
 public:
  void add_options(programs::Options& options) override {
    options.group("Letters");
    selection_.add_options(options, true);
    options.add({.names = "--dry-run", .target = &dry_run_, .help = "Only say what would be done"});
    stores_.add_options(options);
    stores_.add_connection_options(options);
  }

  ExitCode run(Context& context) override {
    selection_.require_choice();
    stores_.open(context);
    require_all_found();  // before anything is done
    std::size_t count = 0;
    stores_.read([&](const DeadLetter& letter, const DeadLetterStore& store) {
      if (!selection_.holds(letter)) return;
      ++count;
      tell(context, letter, store, dry_run_ ? rehearse(letter) : perform(letter));
    });
    if (count == 0) note(context, "gracedb-kafka-supervisor", "there are no such dead letters");
    return ExitCode::ok;
  }

 protected:
  struct Done {
    std::string text;                    ///< "redriven to gracedb.gstlal-0-57"
    nlohmann::ordered_json fields = {};  ///< more about it
  };

  virtual Done rehearse(const DeadLetter& letter) = 0;
  virtual Done perform(const DeadLetter& letter) = 0;

 private:
  void tell(const Context& context, const DeadLetter& letter, const DeadLetterStore& store,
            const Done& done) const {
    if (!context.json) {
      context.output.line(printable_line(fmt::format("{} {}", letter.id, done.text)));
      return;
    }
    nlohmann::ordered_json json{{"id", letter.id}, {"store", store.kind()}, {"dry_run", dry_run_}};
    json.update(done.fields);
    context.output.line(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  }

  bool dry_run_ = false;
};

class Redrive final : public MutatingCommand {
 protected:
  Done rehearse(const DeadLetter& letter) override {
    pipeline_of_letter(letter);
    return {.text = "would be redriven to " + letter.message.topic,
            .fields = {{"redriven", false}, {"topic", letter.message.topic}}};
  }

  Done perform(const DeadLetter& letter) override {
    const kafka::Message& message = letter.message;
    const auto report = stores_.producer().deliver(
        message.value, {.topic = pipeline_of_letter(letter), .key = message.key, .headers = message.headers});
    stores_.remove(letter);
    return {
        .text = fmt::format("redriven to {}[{}] offset {}", report.topic, report.partition, *report.offset),
        .fields = {{"redriven", true},
                   {"topic", report.topic},
                   {"partition", report.partition},
                   {"offset", *report.offset}}};
  }

 private:
  // The topic in the headers of a dead letter is untrusted input.
  std::string pipeline_of_letter(const DeadLetter& letter) {
    const std::string& instance = stores_.producer().instance_name();
    std::string pipeline = programs::pipeline_of(letter.message.topic, instance);
    if (kafka::make_topic_name(instance, pipeline) == letter.message.topic) return pipeline;
    throw UsageError(
        fmt::format("{} was on a topic of another instance than {}; redrive it with "
                    "--instance-name, or drop it",
                    letter.id, instance));
  }
};

class Drop final : public MutatingCommand {
 protected:
  Done rehearse(const DeadLetter&) override {
    return {.text = "would be dropped", .fields = {{"dropped", false}}};
  }
  Done perform(const DeadLetter& letter) override {
    stores_.remove(letter);
    return {.text = "dropped", .fields = {{"dropped", true}}};
  }
};

template <typename Command>
void add(programs::Program& program, const char* name, const char* description, const char* footer) {
  const auto command = std::make_shared<Command>();
  command->add_options(program.add_command({.name = fmt::format("dead-letters {}", name),
                                            .description = description,
                                            .footer = footer,
                                            .log_level = LogLevel::off,
                                            .shows_results = true,
                                            .other_sections = {"supervisor"}},
                                           [command](Context& context) { return command->run(context); }));
}

}  // namespace

void add_dead_letters(programs::Program& program) {
  add<List>(
      program, "list", "List the messages that were set aside",
      "Those in the spool directory and, where a topic is named, those on it that were neither redriven nor\n"
      "dropped. The file of a message is never shown.");
  add<Show>(program, "show", "Show what is known of messages that were set aside",
            "Why it was set aside, its place, key and headers, and what it says of itself; never its file.");
  add<Redrive>(
      program, "redrive", "Put messages that were set aside back on their topics",
      "Each goes back to the topic it was on, with its key and headers, and is taken away when the broker\n"
      "has confirmed it. What is broken still is set aside again.");
  add<Drop>(
      program, "drop", "Take messages away that were set aside",
      "From the spool directory they are removed. On a topic a small message behind them says that they are\n"
      "done with; they vanish with the topic's retention.");
}

}  // namespace gracedb::supervisor

#include "kafka/consumer_impl.hpp"

#include "core/log.hpp"
#include "kafka/librdkafka.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <utility>

namespace gracedb::kafka {
namespace {

constexpr log::Logger logger{"gracedb.kafka"};

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// After close() was interrupted.
constexpr milliseconds time_to_leave{1'000};

/// A name that no other consumer has: "gracedb-client-" and the first 8 hex digits of
/// SHA-256("<host>-<process id>-<nanoseconds>").
std::string ephemeral_group_id() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  const std::string seed = fmt::format("{}-{}-{}", host.data(), ::getpid(), now);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(seed.data(), seed.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return fmt::format("gracedb-client-{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]);
}

Properties consumer_defaults(const ConsumerOptions& options, const std::string& group_id) {
  return {
      {"client.id", "gracedb-kafka-consumer"},
      {"group.id", group_id},
      {"auto.offset.reset", options.auto_offset_reset},
      // A message counts as processed when the next one is asked for, not when it is handed out.
      {"enable.auto.offset.store", "false"},
      // Fetches follow one another; each has the broker's whole answer time to itself.
      {"max.partition.fetch.bytes", "4194304"},
      {"enable.partition.eof", options.track_end ? "true" : "false"},
      // A commit under way keeps librdkafka's client from ending until it is answered, or for as long as
      // this.
      {"socket.timeout.ms", "10000"},
  };
}

void check(const ConsumerOptions& options, OptionFaults& faults) {
  if (options.group_id && options.group_id->empty())
    faults.add("group_id is empty; leave it out for a new group");
  if (options.auto_offset_reset != "latest" && options.auto_offset_reset != "earliest") {
    faults.add(
        fmt::format("auto_offset_reset '{}' is neither latest nor earliest", options.auto_offset_reset));
  }
}

}  // namespace

Consumer::Impl::Impl(ConsumerOptions options)
    : options_(std::move(options)),
      group_id_(options_.group_id.value_or(ephemeral_group_id())),
      assignment_(options_),
      health_(options_.bootstrap_servers) {
  const KafkaConnection settings = connection_of(options_);
  OptionFaults faults;
  check(options_, faults);
  instance_name_ = instance_name_of(options_.instance_name, options_.service_url, faults);
  const std::vector<std::string> topics = namespaced(options_.topics, faults);
  ConfHandle config = make_config(settings, consumer_defaults(options_, group_id_), faults);
  faults.raise("consumer options");

  group_id_ = property(config.get(), "group.id");
  auto_commit_ = property(config.get(), "enable.auto.commit") == "true";
  stores_offsets_ = auto_commit_ && property(config.get(), "enable.auto.offset.store") == "false";
  is_cooperative_ = property(config.get(), "partition.assignment.strategy") == "cooperative-sticky";
  group_requests_.follow(config.get());
  Refill::configure(config.get(), options_.kafka_config);
  client_.emplace(RD_KAFKA_CONSUMER, settings, std::move(config), health_, assignment_.hooks());
  if (options_.check_for_topics) client_->check_for_topics(topics, instance_name_);
  client_->redirect_to_consumer_queue();
  queue_.reset(rd_kafka_queue_get_consumer(handle()));
  refill_.emplace(handle(), queue_.get(), assignment_);
  const std::uint64_t one = 1;
  rd_kafka_queue_io_event_enable(queue_.get(), arrived_.descriptor(), &one, sizeof one);
  if (!topics.empty()) read(topics);
}

void Consumer::Impl::require_open() const {
  if (closed_) throw KafkaConsumerError("the consumer is closed");
}

std::vector<std::string> Consumer::Impl::namespaced(const std::vector<std::string>& pipelines,
                                                    OptionFaults& faults) const {
  std::vector<std::string> topics;
  topics.reserve(pipelines.size());
  for (const std::string& pipeline : pipelines)
    topics.push_back(checked_topic(instance_name_, pipeline, faults));
  return topics;
}

void Consumer::Impl::subscribe(const std::vector<std::string>& pipelines) {
  require_open();
  if (pipelines.empty()) throw KafkaConsumerError("subscribe: no topic given");
  OptionFaults faults;
  const std::vector<std::string> topics = namespaced(pipelines, faults);
  faults.raise("subscribe");
  read(topics);
}

void Consumer::Impl::read(const std::vector<std::string>& topics) {
  const PartitionsHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
  for (const std::string& topic : topics) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  const auto code = rd_kafka_subscribe(handle(), list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaConsumerError(error_text("subscribe", code), error_code(code));
}

void Consumer::Impl::close(milliseconds timeout) {
  if (std::exchange(closing_, true)) return;
  mark_processed();
  processed_.clear();
  fetched_.clear();
  leave_.emplace(handle(), assignment_, group_requests_);
  try {
    const bool has_left = leave_->serve_until(steady_clock::now() + timeout);  // on_revoked may still commit
    closed_ = true;
    if (!has_left) leave_after_deadline();
  } catch (...) {  // interrupted: the rest, and to wait for librdkafka's threads, is left to the destructor
    closed_ = true;
    throw;
  }
  leave_.reset();
  queue_.reset();
  if (!must_stay()) client_->destroy();
  assignment_.rethrow_callback_failure();
}

void Consumer::Impl::leave_after_deadline() {
  logger.warning("group {}: no answer while leaving; the broker drops this member by itself later",
                 group_id_);
  leave_->finish(milliseconds(0));
}

void Consumer::Impl::finish_leaving() noexcept {
  if (leave_) leave_->finish(time_to_leave);
  leave_.reset();
}

Consumer::Impl::~Impl() { finish_leaving(); }

std::vector<TopicInfo> Consumer::Impl::list_topics(milliseconds timeout) {
  require_open();
  return client_->list_topics(timeout);
}

}  // namespace gracedb::kafka

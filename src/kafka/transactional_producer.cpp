#include "kafka/transactional_producer.hpp"

#include "core/redact.hpp"
#include "kafka/group_metadata.hpp"
#include "kafka/librdkafka.hpp"

#include <fmt/format.h>

#include <chrono>
#include <future>
#include <thread>
#include <utility>

namespace gracedb::kafka {
namespace {

using std::chrono::milliseconds;

/// How long a call lasts that can be taken up again where it stopped.
constexpr milliseconds slice{200};
constexpr milliseconds between_tries{100};
/// Without an answer for so long, another client does better.
constexpr std::chrono::seconds positions_patience{15};
constexpr int abort_timeout_ms = 2'000;
/// What has left for the broker may still be answered.
constexpr int reports_timeout_ms = 1'000;

Properties transaction_defaults(const std::string& id) {
  return {
      {"client.id", "gracedb-kafka-producer"},
      {"transactional.id", id},
      // One whose sender was killed is in the way of readers, and of the group, until then.
      {"transaction.timeout.ms", "10000"},
      {"max.in.flight.requests.per.connection", "1"},  // as for every guaranteed delivery
      {"compression.type", "lz4"},
      {"linger.ms", "0"},
      // The next transaction must wait until the last one is written everywhere, which takes milliseconds.
      {"retry.backoff.ms", "50"},
      {"topic.metadata.propagation.max.ms", "3000"},
      {"message.max.bytes", "67108864"}};  // the broker knows its own limit
}

bool is_of_membership(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
         code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

rd_kafka_resp_err_t hand_over(rd_kafka_t* client, const Destination& to, std::string_view value) {
  HeadersHandle headers = to_librdkafka(to.headers);
  std::string_view key;
  if (to.key) key = *to.key;
  const auto code = rd_kafka_producev(
      client, RD_KAFKA_V_TOPIC(to.topic.c_str()), RD_KAFKA_V_PARTITION(to.partition),
      RD_KAFKA_V_TIMESTAMP(to.timestamp_ms), RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
      RD_KAFKA_V_KEY(key.data(), key.size()), RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_END);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) static_cast<void>(headers.release());  // librdkafka's now
  return code;
}

/// What no other try will change.
bool is_refusal(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
      return true;
    default:
      return is_topic_error(code);
  }
}

}  // namespace

/// A client and what its callbacks and its calls need, for as long as any of them lives.
struct TransactionalProducer::Session {
  Session(const KafkaConnection& settings, const ConfHandle& config);

  static void on_report(const rd_kafka_message_t* message, void* owner) noexcept;

  BrokerHealth health;
  rd_kafka_resp_err_t refusal = RD_KAFKA_RESP_ERR_NO_ERROR;  ///< of the first message that was not taken
  std::vector<Transaction::Record> records;                  ///< librdkafka has the values' bytes from here
  bool ready = false;
  Client client;  // last: reports to everything above until it is destroyed
};

TransactionalProducer::Session::Session(const KafkaConnection& settings, const ConfHandle& config)
    : health(settings.bootstrap_servers),
      client(RD_KAFKA_PRODUCER, settings, ConfHandle(rd_kafka_conf_dup(config.get())), health,
             {.delivered = &Session::on_report, .owner = this}) {}

void TransactionalProducer::Session::on_report(const rd_kafka_message_t* message, void* owner) noexcept {
  auto& self = *static_cast<Session*>(owner);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return self.health.note_success();
  const bool follows_from_another =
      message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
  if (!follows_from_another && self.refusal == RD_KAFKA_RESP_ERR_NO_ERROR) self.refusal = message->err;
}

TransactionalProducer::TransactionalProducer(const ProducerOptions& options, const std::string& id)
    : settings_(connection_of(options)) {
  // A message, and a request, may take as long as their transaction.
  for (const char* name : {"delivery.timeout.ms", "message.timeout.ms", "socket.timeout.ms"})
    settings_.kafka_config.erase(name);
  OptionFaults faults;
  instance_name_ = instance_name_of(options.instance_name, options.service_url, faults);
  config_ = make_config(settings_, transaction_defaults(id), faults);
  faults.raise("producer options");
  session();
  settings_.validate_token = false;  // that was for construction
}

TransactionalProducer::~TransactionalProducer() = default;

TransactionalProducer::Session& TransactionalProducer::session() {
  if (!session_) session_ = std::make_shared<Session>(settings_, config_);
  return *session_;
}

rd_kafka_t* TransactionalProducer::handle() { return session().client.handle(); }

std::vector<TopicInfo> TransactionalProducer::list_topics(milliseconds timeout) {
  return session().client.list_topics(timeout);
}

bool TransactionalProducer::get_ready(const KeepWaiting& keep_waiting) {
  if (session().ready) return true;
  const bool is_ready = drive(&rd_kafka_init_transactions, keep_waiting);
  if (is_ready) session().ready = true;
  return is_ready;
}

TransactionEnd TransactionalProducer::commit(const Transaction& transaction,
                                             const KeepWaiting& keep_waiting) {
  if (!get_ready(keep_waiting)) return TransactionEnd::given_up;
  try {
    return try_to_commit(transaction, keep_waiting);
  } catch (...) {
    start_over();
    throw;
  }
}

TransactionEnd TransactionalProducer::try_to_commit(const Transaction& transaction,
                                                    const KeepWaiting& keep_waiting) {
  fill(transaction);
  const TransactionEnd sent = send_positions(transaction, keep_waiting);
  if (sent != TransactionEnd::committed) return sent;
  return end(keep_waiting) ? TransactionEnd::committed : TransactionEnd::given_up;
}

void TransactionalProducer::fill(const Transaction& transaction) {
  session().refusal = RD_KAFKA_RESP_ERR_NO_ERROR;
  session().records = transaction.records;
  const ErrorHandle fault(rd_kafka_begin_transaction(handle()));
  if (fault) fail(rd_kafka_error_code(fault.get()), rd_kafka_error_string(fault.get()));
  for (const Transaction::Record& record : session().records) {
    const auto code = hand_over(handle(), record.to, *record.value);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      fail(code,
           fmt::format("message for {} ({} bytes) was not taken", record.to.topic, record.value->size()));
    }
  }
}

// librdkafka 2.0.2 waits for the group's coordinator without end, whatever time-out it is given. So a thread
// of its own makes the call, with all that it needs, and is left to it when we give up: the client goes with
// it, and our next one puts that one out. Its end has not been asked for then, so that there is no doubt.
TransactionEnd TransactionalProducer::send_positions(const Transaction& transaction,
                                                     const KeepWaiting& keep_waiting) {
  std::packaged_task<ErrorHandle()> call([session = session_,
                                          positions = to_librdkafka(transaction.positions),
                                          metadata = read_group_metadata(transaction.group_metadata)] {
    return ErrorHandle(
        rd_kafka_send_offsets_to_transaction(session->client.handle(), positions.get(), metadata.get(), -1));
  });
  std::future<ErrorHandle> answer = call.get_future();
  std::thread(std::move(call)).detach();
  const auto deadline = std::chrono::steady_clock::now() + positions_patience;
  while (answer.wait_for(slice) != std::future_status::ready) {
    const std::string reason = what_keeps_us("the coordinator of the group does not answer");
    if (std::chrono::steady_clock::now() >= deadline)
      throw KafkaProducerError(reason, KafkaErrorCode::timed_out, true);
    if (keep_waiting(reason)) continue;
    start_over();
    return TransactionEnd::given_up;
  }
  const ErrorHandle fault = answer.get();
  if (!fault) return TransactionEnd::committed;
  const auto code = rd_kafka_error_code(fault.get());
  if (!is_of_membership(code)) fail(code, rd_kafka_error_string(fault.get()));
  if (!abort()) start_over();
  return TransactionEnd::not_member;
}

bool TransactionalProducer::end(const KeepWaiting& keep_waiting) {
  in_doubt_ = true;
  if (!drive(&rd_kafka_commit_transaction, keep_waiting)) {
    start_over();
    return false;
  }
  in_doubt_ = false;
  return true;
}

// False: given up; it may be taken up again.
bool TransactionalProducer::drive(const Call& call, const KeepWaiting& keep_waiting) {
  while (true) {
    const ErrorHandle fault(call(handle(), static_cast<int>(slice.count())));
    if (!fault) return true;
    if (rd_kafka_error_is_retriable(fault.get()) == 0)
      fail(rd_kafka_error_code(fault.get()), rd_kafka_error_string(fault.get()));
    session().client.poll(between_tries);
    if (!keep_waiting(what_keeps_us(redact(rd_kafka_error_string(fault.get()))))) return false;
  }
}

std::string TransactionalProducer::what_keeps_us(std::string otherwise) {
  try {
    session().client.poll(milliseconds(0));
    session().client.require_health();
  } catch (const std::exception& fault) {
    return fault.what();
  }
  return otherwise;
}

// The broker's refusal of a message is the reason for everything that fails after it. That, and a topic which
// is refused, is heard of before the end is asked for, so that there is no doubt.
void TransactionalProducer::fail(rd_kafka_resp_err_t code, const std::string& text) {
  rd_kafka_purge(handle(), RD_KAFKA_PURGE_F_QUEUE);
  rd_kafka_flush(handle(), reports_timeout_ms);
  const auto refusal = session().refusal;
  const bool is_refused = refusal != RD_KAFKA_RESP_ERR_NO_ERROR;
  const auto reason = is_refused ? refusal : code;
  if (is_refused || is_topic_error(code)) in_doubt_ = false;
  // What is still on its way must not come behind the end: the next client's first request puts it out.
  if (!in_doubt_ && rd_kafka_outq_len(handle()) == 0) abort();
  start_over();  // librdkafka before 2.10 does not count on rightly behind a refused message
  const std::string told =
      is_refused ? error_text("a message was not delivered", reason) : error_text(redact(text), reason);
  if (is_topic_error(reason)) throw KafkaTopicError(told, error_code(reason));
  throw KafkaProducerError(told, error_code(reason), !is_refusal(reason) || in_doubt_);
}

bool TransactionalProducer::abort() noexcept {
  const ErrorHandle fault(rd_kafka_abort_transaction(handle(), abort_timeout_ms));
  return !fault;
}

// What is unfinished is ended by get_ready() of the next client.
void TransactionalProducer::start_over() noexcept { session_.reset(); }

}  // namespace gracedb::kafka

#pragma once

#include "gracedb/kafka/message.hpp"
#include "gracedb/kafka/producer.hpp"

#include "kafka/client.hpp"
#include "kafka/config.hpp"
#include "kafka/delivery_client.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gracedb::kafka {

/// Messages, and how far a consumer group has read once they are there: on the broker are both, or neither.
struct Transaction {
  struct Record {
    Destination to;
    std::shared_ptr<const std::string> value;
  };
  std::vector<Record> records;
  std::vector<TopicPartition> positions;  ///< the next messages the group is to read
  std::string group_metadata;             ///< of the member that has these partitions
};

enum class TransactionEnd {
  committed,
  given_up,    ///< as `keep_waiting` said; see is_in_doubt()
  not_member,  ///< nothing was done: that member's generation of the group is past
};

/// Sends transactions, one after the other. From one thread.
class TransactionalProducer {
 public:
  /// Asked now and then while there is no answer, with what is known of the reason; false: give up.
  using KeepWaiting = std::function<bool(const std::string& reason)>;

  /// @param id  names the one who sends; whoever comes with it next ends what this one has left unfinished
  /// @throws std::invalid_argument, KafkaTokenError  as Producer
  TransactionalProducer(const ProducerOptions& options, const std::string& id);
  TransactionalProducer(const TransactionalProducer&) = delete;
  TransactionalProducer& operator=(const TransactionalProducer&) = delete;
  ~TransactionalProducer();

  /// Ends what an earlier transaction under this id has left unfinished, committing it if its end had been
  /// asked for and aborting it otherwise.
  /// @return false: given up
  /// @throws as commit()
  bool get_ready(const KeepWaiting& keep_waiting);

  /// @throws KafkaTopicError, KafkaProducerError  where not retriable, the broker refuses a message, or
  ///   transactions: nothing was done. Where retriable, it has not been committed, or is_in_doubt().
  TransactionEnd commit(const Transaction& transaction, const KeepWaiting& keep_waiting);

  /// True if it is not known whether the last transaction was committed. After get_ready() it is decided, and
  /// the group's position tells.
  bool is_in_doubt() const noexcept { return in_doubt_; }
  void doubt_is_over() noexcept { in_doubt_ = false; }

  /// @throws as Client
  std::vector<TopicInfo> list_topics(std::chrono::milliseconds timeout);

  const std::string& instance_name() const noexcept { return instance_name_; }

 private:
  struct Session;
  using Call = std::function<rd_kafka_error_t*(rd_kafka_t* client, int timeout_ms)>;

  Session& session();
  rd_kafka_t* handle();
  TransactionEnd try_to_commit(const Transaction& transaction, const KeepWaiting& keep_waiting);
  bool drive(const Call& call, const KeepWaiting& keep_waiting);
  void fill(const Transaction& transaction);
  TransactionEnd send_positions(const Transaction& transaction, const KeepWaiting& keep_waiting);
  bool end(const KeepWaiting& keep_waiting);
  std::string what_keeps_us(std::string otherwise);
  bool abort() noexcept;
  void start_over() noexcept;
  [[noreturn]] void fail(rd_kafka_resp_err_t code, const std::string& text);

  KafkaConnection settings_;
  std::string instance_name_;
  ConfHandle config_;  ///< each client gets a copy
  bool in_doubt_ = false;
  std::shared_ptr<Session> session_;
};

}  // namespace gracedb::kafka

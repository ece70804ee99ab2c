#pragma once

#include "gracedb/auth/token.hpp"
#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/producer.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gracedb::test_support {

/// The real broker that ctest has started, or one of the test's own.
class TestBroker {
 public:
  /// The shared one, at $GRACEDB_TEST_BROKER_DIR.
  static TestBroker& shared();
  /// A new one in `directory`, killed at the end.
  static TestBroker start(const std::filesystem::path& directory);
  TestBroker(TestBroker&& other) noexcept;
  ~TestBroker();

  std::string sasl_ssl() const { return variable("GRACEDB_KAFKA_BOOTSTRAP_SERVERS"); }
  std::string sasl_plaintext() const { return variable("GRACEDB_KAFKA_BOOTSTRAP_SERVERS_SASL_PLAINTEXT"); }
  std::string plaintext() const { return variable("GRACEDB_KAFKA_BOOTSTRAP_SERVERS_PLAINTEXT"); }
  std::string ca_certificate() const { return variable("GRACEDB_KAFKA_CA_CERT"); }

  void stop() const { control("stop --kill"); }
  void resume() const { control("start"); }
  /// Leaves the broker's connections open while it answers nothing.
  void freeze() const;
  void thaw() const;

  /// Mints a token with `options` of "gracedb-sandbox token", e.g. "--lifetime 10s --subject stranger".
  std::string token(std::string_view options = {}) const;

  /// Options with a working token, for SASL_SSL.
  kafka::ProducerOptions producer_options() const;
  kafka::ConsumerOptions consumer_options(std::vector<std::string> topics) const;

 private:
  TestBroker(std::filesystem::path directory, bool owned) : directory_(std::move(directory)), owned_(owned) {}
  std::string variable(std::string_view name) const;
  void control(const std::string& command) const;
  pid_t process() const;

  std::filesystem::path directory_;
  bool owned_ = false;
};

/// A callback that always gives this token.
auth::OAuthCallback always(const std::string& token);

/// A name that no other test uses.
std::string unique_name(std::string_view stem);

/// Polls until `count` messages have come whose value begins with `prefix`, at most 20 s.
std::vector<kafka::Message> read_messages(kafka::Consumer& consumer, std::size_t count,
                                          std::string_view prefix = {});

/// Calls `condition` until it holds, at most for `timeout`; gives whether it did.
bool eventually(const std::function<bool()>& condition,
                std::chrono::seconds timeout = std::chrono::seconds(20));

}  // namespace gracedb::test_support

#include "support/temporary_directory.hpp"
#include "unit/sandbox/sandbox_fixture.hpp"

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <memory>
#include <thread>

namespace gracedb::sandbox {
namespace {

using namespace std::chrono_literals;

TEST(Authentication, AcceptsEveryClientWhenItIsOff) {
  SandboxOptions options;
  options.authenticate = false;
  const Sandbox sandbox(std::move(options));
  const std::string& url = sandbox.service_url();
  httplib::Client client("127.0.0.1", std::stoi(url.substr(url.rfind(':') + 1)));
  const auto result = client.Get("/api/user-info/", {{"User-Agent", "test"}});
  EXPECT_EQ(json_of(result)["username"], "sandbox");
}

TEST(Connections, ServesAHundredKeepAliveConnections) {
  SandboxOptions options;
  options.authenticate = false;
  const Sandbox sandbox(std::move(options));
  const std::string& url = sandbox.service_url();
  const int port = std::stoi(url.substr(url.rfind(':') + 1));
  std::vector<std::unique_ptr<httplib::Client>> clients;
  for (int i = 0; i < 100; ++i) {
    auto& client = clients.emplace_back(std::make_unique<httplib::Client>("127.0.0.1", port));
    client->set_keep_alive(true);
    ASSERT_EQ(client->Get("/api/user-info/", {{"User-Agent", "test"}})->status, 200) << i;
  }
}

TEST(Stop, ClosesIdleAndHangingConnectionsAtOnce) {
  SandboxOptions options;
  options.authenticate = false;
  options.faults = {parse_fault("hang@reserve", {})};
  auto sandbox = std::make_unique<Sandbox>(std::move(options));
  const std::string& url = sandbox->service_url();
  const int port = std::stoi(url.substr(url.rfind(':') + 1));
  httplib::Client idle("127.0.0.1", port);
  idle.set_keep_alive(true);
  ASSERT_EQ(idle.Get("/api/", {{"User-Agent", "test"}})->status, 200);
  std::atomic<bool> has_begun{false};
  std::jthread hanging([&] {
    httplib::Client client("127.0.0.1", port);
    has_begun = true;
    EXPECT_FALSE(client.Post("/api/events/reserve/", {{"User-Agent", "test"}}, httplib::Params{}));
  });
  while (!has_begun)
    std::this_thread::yield();
  const auto begin = std::chrono::steady_clock::now();
  sandbox.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST(StateDirectory, RemovesATemporaryDirectoryAtTheEnd) {
  std::filesystem::path path;
  {
    const Sandbox sandbox{SandboxOptions{}};
    path = sandbox.state_dir();
    EXPECT_TRUE(std::filesystem::exists(path / "token"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Port, FailsIfThePortIsTaken) {
  const Sandbox first{SandboxOptions{}};
  const std::string& url = first.service_url();
  SandboxOptions options;
  options.server.address.port = std::stoi(url.substr(url.rfind(':') + 1));
  EXPECT_THROW(Sandbox{std::move(options)}, std::runtime_error);
}

TEST(StateDirectory, IsCreatedIfMissingAndKept) {
  const test_support::TemporaryDirectory parent;
  const auto path = parent.path() / "a" / "b";
  {
    SandboxOptions options;
    options.state_dir = path;
    const Sandbox sandbox(std::move(options));
    EXPECT_TRUE(std::filesystem::equivalent(sandbox.state_dir(), path));
  }
  EXPECT_TRUE(std::filesystem::exists(path / "gracedb.sqlite"));
  EXPECT_TRUE(std::filesystem::exists(path / "signing-key.pem"));
}

TEST(StateDirectory, CannotBeAFile) {
  const test_support::TemporaryDirectory parent;
  EXPECT_THROW(make_state_dir(parent.write("file", "text")), std::system_error);
}

struct ConsumerDeleter {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
};

TEST(EmbeddedBroker, DeliversTheAlert) {
  SandboxOptions options;
  options.authenticate = false;
  options.embedded_broker = true;
  const Sandbox sandbox(std::move(options));
  const std::string& url = sandbox.service_url();
  httplib::Client client("127.0.0.1", std::stoi(url.substr(url.rfind(':') + 1)));
  const auto created = client.Post("/api/events/", {{"User-Agent", "test"}},
                                   event_form(samples::coinc, {{"group", "CBC"}, {"pipeline", "gstlal"}}));
  ASSERT_EQ(created->status, 201);

  auto* const config = rd_kafka_conf_new();
  rd_kafka_conf_set(config, "bootstrap.servers", sandbox.bootstrap_servers().value().c_str(), nullptr, 0);
  rd_kafka_conf_set(config, "group.id", "test", nullptr, 0);
  const std::unique_ptr<rd_kafka_t, ConsumerDeleter> consumer(
      rd_kafka_new(RD_KAFKA_CONSUMER, config, nullptr, 0));
  rd_kafka_poll_set_consumer(consumer.get());
  auto* const partitions = rd_kafka_topic_partition_list_new(4);
  for (int partition = 0; partition < 4; ++partition) {
    rd_kafka_topic_partition_list_add(partitions, "localhost.cbc_gstlal", partition)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(consumer.get(), partitions);
  rd_kafka_topic_partition_list_destroy(partitions);
  json alert;
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (alert.is_null() && std::chrono::steady_clock::now() < deadline) {
    rd_kafka_message_t* const message = rd_kafka_consumer_poll(consumer.get(), 100);
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      alert = json::parse(std::string(static_cast<const char*>(message->payload), message->len));
    }
    rd_kafka_message_destroy(message);
  }
  ASSERT_FALSE(alert.is_null());
  EXPECT_EQ(alert["uid"], json_of(created)["graceid"]);
}

}  // namespace
}  // namespace gracedb::sandbox

#include "sandbox/kafka_handle.hpp"
#include "unit/sandbox/sandbox_fixture.hpp"

namespace gracedb::sandbox {
namespace {

using namespace std::chrono_literals;

struct ConsumerCloser {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
};

TEST(EmbeddedBroker, CarriesTheAlert) {
  SandboxOptions options;
  options.authenticate = false;
  options.embedded_broker = true;
  const Sandbox sandbox(std::move(options));
  const std::string& url = sandbox.service_url();
  httplib::Client client("127.0.0.1", std::stoi(url.substr(url.rfind(':') + 1)));
  const auto created = client.Post("/api/events/", {{"User-Agent", "test"}},
                                   event_form(samples::coinc, {{"group", "CBC"}, {"pipeline", "gstlal"}}));
  ASSERT_EQ(created->status, 201);

  auto config =
      make_kafka_config({{"bootstrap.servers", sandbox.bootstrap_servers().value()}, {"group.id", "test"}});
  const std::unique_ptr<rd_kafka_t, ConsumerCloser> consumer(
      rd_kafka_new(RD_KAFKA_CONSUMER, config.release(), nullptr, 0));
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

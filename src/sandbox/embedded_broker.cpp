#include "sandbox/embedded_broker.hpp"

#include <arpa/inet.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace gracedb::sandbox {
namespace {

sockaddr_in address_of(std::string_view bootstrap_servers) {
  std::uint16_t port = 0;
  const std::string_view text = bootstrap_servers.substr(bootstrap_servers.rfind(':') + 1);
  std::from_chars(text.data(), text.data() + text.size(), port);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// Connects to the broker again and again. The thread of a mock cluster can miss that it was given something
/// to do, and then sleeps for a second; a connection wakes it.
class Waker {
 public:
  explicit Waker(std::string_view bootstrap_servers)
      : thread_([address = address_of(bootstrap_servers)](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            knock(address);
          }
        }) {}

 private:
  static void knock(const sockaddr_in& address) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return;
    static_cast<void>(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address));
    ::close(descriptor);
  }

  std::jthread thread_;
};

}  // namespace

EmbeddedBroker::EmbeddedBroker(const std::vector<std::string>& topics, int partitions)
    : client_(make_kafka_producer(
          make_kafka_config({{"client.id", "gracedb-sandbox-broker"}, {"test.mock.num.brokers", "1"}}))) {
  rd_kafka_mock_cluster_t* const cluster = rd_kafka_handle_mock_cluster(client_.get());
  if (cluster == nullptr) throw std::runtime_error("cannot start the embedded broker");
  bootstrap_servers_ = rd_kafka_mock_cluster_bootstraps(cluster);
  const Waker waker(bootstrap_servers_);
  for (const std::string& topic : topics) {
    // An error can only say that the topic is there already, as the list names it twice.
    rd_kafka_mock_topic_create(cluster, topic.c_str(), partitions, 1);
  }
}

}  // namespace gracedb::sandbox

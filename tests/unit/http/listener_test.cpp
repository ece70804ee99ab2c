#include "http/listener.hpp"

#include "support/fake_certificate.hpp"
#include "support/temporary_directory.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace gracedb::http {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::unique_ptr<httplib::Server> hello_server() {
  auto server = std::make_unique<httplib::Server>();
  server->Get("/", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("hello", "text/plain");
  });
  return server;
}

TEST(Listener, ServesOnAFreePort) {
  Listener listener(hello_server(), {}, 4);
  listener.start();
  EXPECT_GT(listener.address().port, 0);
  httplib::Client client("127.0.0.1", listener.address().port);
  const auto answer = client.Get("/");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "hello");
}

TEST(Listener, NamesAnAddressInUse) {
  const Listener first(hello_server(), {}, 4);
  try {
    const Listener second(hello_server(), first.address(), 4);
    FAIL() << "two servers share a port";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot listen on " + to_text(first.address())));
  }
}

TEST(Listener, StopClosesOpenConnections) {
  std::atomic<bool> is_open = false;
  auto server = std::make_unique<httplib::Server>();
  server->Get("/", [&](const httplib::Request&, httplib::Response& response) {
    response.set_chunked_content_provider("text/plain", [&](std::size_t, httplib::DataSink& sink) {
      is_open = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return sink.is_writable() && sink.write(".", 1);
    });
  });
  Listener listener(std::move(server), {}, 4);
  listener.start();
  std::thread client_thread([&] {
    httplib::Client client("127.0.0.1", listener.address().port);
    client.Get("/");
  });
  while (!is_open)
    std::this_thread::yield();
  listener.stop();
  client_thread.join();
}

/// A TLS connection without HTTP on top.
class RawClient {
 public:
  explicit RawClient(int port) {
    const timeval timeout{10, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        SSL_set_fd(tls_.get(), descriptor_) != 1 || SSL_connect(tls_.get()) != 1) {
      throw std::runtime_error("cannot connect");
    }
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { ::close(descriptor_); }

  void send(std::string_view text) { SSL_write(tls_.get(), text.data(), static_cast<int>(text.size())); }

  /// The contents of one TLS record; empty after the server has closed the connection.
  std::string receive() {
    std::array<char, 16'384> record{};
    const int size = SSL_read(tls_.get(), record.data(), static_cast<int>(record.size()));
    return {record.data(), static_cast<std::size_t>(std::max(size, 0))};
  }

  /// Everything up to `end`, or until the server closes the connection.
  std::string receive_until(std::string_view end) {
    std::string all;
    while (!all.ends_with(end)) {
      const std::string more = receive();
      if (more.empty()) break;
      all += more;
    }
    return all;
  }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{SSL_CTX_new(TLS_client_method()), &SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{SSL_new(context_.get()), &SSL_free};
  int descriptor_ = ::socket(AF_INET, SOCK_STREAM, 0);
};

class TlsListener : public ::testing::Test {
 protected:
  std::unique_ptr<httplib::Server> make_server() {
    auto server = make_tls_server(certificate_, certificate_);
    server->Get("/", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("hello", "text/plain");
    });
    server->Post("/", [](const httplib::Request& request, httplib::Response& response) {
      response.set_content(request.body, "text/plain");
    });
    return server;
  }

  test_support::TemporaryDirectory directory_;
  const std::filesystem::path certificate_ =
      directory_.write("server.pem", test_support::fake_certificate(1h));
};

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST_F(TlsListener, ServesManyRequestsOnOneConnection) {
  Listener listener(make_server(), {}, 4);
  listener.start();
  RawClient client(listener.address().port);
  for (int i = 0; i < 3; ++i) {
    client.send(request);
    EXPECT_THAT(client.receive_until("hello"), EndsWith("hello"));
  }
}

TEST_F(TlsListener, AcceptsARequestSentByteByByte) {
  Listener listener(make_server(), {}, 4);
  listener.start();
  RawClient client(listener.address().port);
  for (const char byte : request)
    client.send({&byte, 1});
  EXPECT_THAT(client.receive_until("hello"), EndsWith("hello"));
}

TEST_F(TlsListener, TransfersABodyOfManyRecords) {
  Listener listener(make_server(), {}, 4);
  listener.start();
  httplib::SSLClient client("127.0.0.1", listener.address().port);
  client.enable_server_certificate_verification(false);
  const std::string body(1'000'000, 'x');
  const auto answer = client.Post("/", body, "text/plain");
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->body == body);
}

TEST_F(TlsListener, SendsContinueBeforeItReadsTheBody) {
  Listener listener(make_server(), {}, 4);
  listener.start();
  RawClient client(listener.address().port);
  client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 100"));
  client.send("body");
  EXPECT_THAT(client.receive_until("body"), EndsWith("body"));
}

TEST_F(TlsListener, SendsEachChunkImmediately) {
  std::promise<void> seen;
  auto first_was_seen = seen.get_future();
  auto server = make_tls_server(certificate_, certificate_);
  server->Get("/", [&](const httplib::Request&, httplib::Response& response) {
    response.set_chunked_content_provider("text/plain", [&](std::size_t offset, httplib::DataSink& sink) {
      if (offset > 0 && first_was_seen.wait_for(10s) == std::future_status::ready) {
        sink.write("second", 6);
        sink.done();
        return true;
      }
      return offset == 0 && sink.write("first", 5);
    });
  });
  Listener listener(std::move(server), {}, 4);
  listener.start();
  RawClient client(listener.address().port);
  client.send(request);
  EXPECT_THAT(client.receive_until("first\r\n"), EndsWith("first\r\n"));
  seen.set_value();
  EXPECT_THAT(client.receive_until("second\r\n0\r\n\r\n"), HasSubstr("second"));
}

TEST_F(TlsListener, StopClosesAnIdleConnection) {
  auto server = make_server();
  server->set_keep_alive_timeout(300);
  Listener listener(std::move(server), {}, 4);
  listener.start();
  RawClient client(listener.address().port);
  client.send(request);
  EXPECT_THAT(client.receive_until("hello"), EndsWith("hello"));
  listener.stop();
  EXPECT_EQ(client.receive(), "");
}

TEST_F(TlsListener, NamesAnUnusableCertificateAndKey) {
  const auto no_key = directory_.write("no-key.pem", "nothing");
  try {
    make_tls_server(certificate_, no_key);
    FAIL() << "accepted an invalid key";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("server.pem"), HasSubstr("no-key.pem")));
  }
}

}  // namespace
}  // namespace gracedb::http

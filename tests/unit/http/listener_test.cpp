#include "http/listener.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace gracedb::http {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<httplib::Server> greeter() {
  auto server = std::make_unique<httplib::Server>();
  server->Get("/", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("hello", "text/plain");
  });
  return server;
}

TEST(Listener, TakesAFreePortAndServes) {
  Listener listener(greeter(), {}, 4);
  listener.start();
  EXPECT_GT(listener.address().port, 0);
  httplib::Client client("127.0.0.1", listener.address().port);
  const auto answer = client.Get("/");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "hello");
}

TEST(Listener, NamesTheAddressThatIsTaken) {
  const Listener first(greeter(), {}, 4);
  try {
    const Listener second(greeter(), first.address(), 4);
    FAIL() << "two servers share a port";
  } catch (const std::runtime_error& fault) {
    EXPECT_THAT(fault.what(), HasSubstr("cannot listen on " + to_text(first.address())));
  }
}

TEST(Listener, EndsConnectionsThatWouldStayOpen) {
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
  std::thread viewer([&] {
    httplib::Client client("127.0.0.1", listener.address().port);
    client.Get("/");
  });
  while (!is_open)
    std::this_thread::yield();
  listener.stop();
  viewer.join();
}

}  // namespace
}  // namespace gracedb::http

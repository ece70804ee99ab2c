#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace gracedb::test_support {

/// A server on a free port of 127.0.0.1. It reads each complete request and sends the text that a function
/// returns, or closes the connection without an answer if that is empty. Serves one connection at a time.
class BreakingServer {
 public:
  /// @param answer  called with the index of the request, from 0
  explicit BreakingServer(std::function<std::string(int)> answer)
      : answer_(std::move(answer)), listener_(listen_anywhere()) {
    thread_ = std::thread([this] { run(); });
  }
  BreakingServer(const BreakingServer&) = delete;
  BreakingServer& operator=(const BreakingServer&) = delete;
  ~BreakingServer() {
    stopping_ = true;
    thread_.join();
    ::close(listener_);
  }

  std::string url(std::string_view path = "/") const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    return "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + std::string(path);
  }

  /// Closes each connection after its first answer, without a Connection header.
  void hang_up_after_answers() { hangs_up_ = true; }

  /// Number of closed connections.
  int ended() const { return ended_; }

  /// The complete requests, headers and body.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  static int listen_anywhere() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener < 0 || ::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, 8) != 0) {
      throw std::system_error(errno, std::generic_category(), "no free port for the test server");
    }
    return listener;
  }

  // Polls in short intervals so that the destructor does not block.
  bool is_readable(int descriptor) const {
    while (!stopping_) {
      pollfd waiting{descriptor, POLLIN, 0};
      if (::poll(&waiting, 1, 20) > 0) return true;
    }
    return false;
  }

  void run() {
    while (is_readable(listener_)) {
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      while (serve_one(connection)) {
      }
      ::close(connection);
      ++ended_;
    }
  }

  bool serve_one(int connection) {
    std::string request;
    while (!is_complete(request)) {
      std::string chunk(65536, '\0');
      if (!is_readable(connection)) return false;
      const ssize_t got = ::recv(connection, chunk.data(), chunk.size(), 0);
      if (got <= 0) return false;
      request.append(chunk, 0, static_cast<std::size_t>(got));
    }
    int number = 0;
    {
      const std::lock_guard lock(mutex_);
      number = static_cast<int>(requests_.size());
      requests_.push_back(std::move(request));
    }
    const std::string text = answer_(number);
    if (text.empty()) return false;
    return ::send(connection, text.data(), text.size(), MSG_NOSIGNAL) > 0 && !hangs_up_;
  }

  static bool is_complete(const std::string& request) {
    const std::size_t end = request.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    constexpr std::string_view header = "Content-Length: ";
    const std::size_t length_at = request.find(header);
    std::size_t length = 0;
    if (length_at < end) {
      std::from_chars(request.data() + length_at + header.size(), request.data() + end, length);
    }
    return request.size() >= end + 4 + length;
  }

  std::function<std::string(int)> answer_;
  int listener_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> hangs_up_{false};
  std::atomic<int> ended_{0};
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace gracedb::test_support

#include "supervisor/status_server.hpp"

#include "core/log.hpp"
#include "http/listener.hpp"
#include "supervisor/status_page.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <charconv>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr log::Logger logger{"gracedb.supervisor.http"};

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t most_connections = 64;
constexpr std::size_t longest_request = 4096;
constexpr std::size_t most_requests = 1'000;  // over one connection
constexpr seconds transfer_timeout{10};
constexpr seconds keep_alive{30};
/// Between two messages to a viewer: seldom enough for a slow one, often enough to look alive.
constexpr milliseconds shortest_pause{200};
constexpr milliseconds longest_pause{1'000};

constexpr const char* plain = "text/plain; charset=utf-8";

/// "<start of the process>-<number>": how a viewer who comes back tells what it has seen.
std::uint64_t number_in(std::string_view event_id, std::int64_t started) {
  const std::string prefix = fmt::format("{}-", started);
  if (!event_id.starts_with(prefix)) return 0;
  event_id.remove_prefix(prefix.size());
  std::uint64_t number = 0;
  std::from_chars(event_id.data(), event_id.data() + event_id.size(), number);
  return number;
}

}  // namespace

class StatusServer::Impl {
 public:
  Impl(StatusServerOptions options, Monitor& monitor)
      : options_(std::move(options)),
        monitor_(monitor),
        started_(
            std::chrono::duration_cast<milliseconds>(options_.identity.started.time_since_epoch()).count()),
        listener_(std::make_unique<httplib::Server>(), options_.address, most_connections) {
    configure(listener_.server());
    listener_.start();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    monitor_.history().close();
    listener_.stop();
  }

  const http::Address& address() const noexcept { return listener_.address(); }

 private:
  using Request = httplib::Request;
  using Response = httplib::Response;

  void configure(httplib::Server& server) {
    server.set_read_timeout(transfer_timeout);
    server.set_write_timeout(transfer_timeout);
    server.set_keep_alive_timeout(keep_alive.count());
    server.set_keep_alive_max_count(most_requests);
    server.set_payload_max_length(longest_request);
    server.set_default_headers({{"Cache-Control", "no-store"},
                                {"X-Content-Type-Options", "nosniff"},
                                {"Referrer-Policy", "no-referrer"}});
    server.Get("/", [this](const Request&, Response& response) { page(response); });
    server.Get("/metrics", [this](const Request&, Response& response) {
      response.set_content(monitor_.metrics_text(), "text/plain; version=0.0.4; charset=utf-8");
    });
    server.Get("/livez", [this](const Request&, Response& response) { livez(response); });
    server.Get("/readyz", [this](const Request& request, Response& response) { readyz(request, response); });
    server.Get("/status.json", [this](const Request&, Response& response) {
      response.set_content(message_after(0).text, "application/json; charset=utf-8");
    });
    server.Get("/events", [this](const Request& request, Response& response) { follow(request, response); });
    server.set_error_handler([](const Request&, Response& response) {
      if (!response.body.empty()) return;
      response.set_content("there are /, /status.json, /metrics, /livez and /readyz\n", plain);
    });
    server.set_exception_handler([](const Request& request, Response& response, std::exception_ptr failure) {
      response.status = 500;
      response.set_content("internal error\n", plain);
      try {
        std::rethrow_exception(std::move(failure));
      } catch (const std::exception& fault) {
        logger.error("{}: {}", request.path, fault.what());
      }
    });
  }

  void page(Response& response) const {
    response.set_header("Content-Security-Policy", policy_);
    response.set_header("X-Frame-Options", "DENY");
    response.set_content(std::string(status_page), "text/html; charset=utf-8");
  }

  milliseconds quiet_for() const {
    return std::chrono::duration_cast<milliseconds>(monitor_.pulse().quiet_for(Pulse::Clock::now()));
  }

  void livez(Response& response) const {
    const milliseconds quiet = quiet_for();
    const bool is_alive = quiet <= options_.longest_quiet;
    response.status = is_alive ? 200 : 503;
    const double quiet_seconds = std::chrono::duration<double>(quiet).count();
    response.set_content(is_alive
                             ? fmt::format("alive: the loop turned {:.1f} s ago\n", quiet_seconds)
                             : fmt::format("stuck: the loop has not turned for {:.0f} s\n", quiet_seconds),
                         plain);
  }

  void readyz(const Request& request, Response& response) const {
    const auto checks = monitor_.health().checks();
    response.status = monitor_.health().is_ready() ? 200 : 503;
    response.set_content(readiness_text(checks, request.has_param("verbose")), plain);
  }

  struct Message {
    std::string text;
    std::uint64_t last = 0;  ///< number of its last event
  };

  Message message_after(std::uint64_t number) const {
    const auto events = monitor_.history().after(number);
    nlohmann::json document =
        status_document(options_.identity, monitor_, quiet_for() <= options_.longest_quiet);
    document["events"] = events_document(events);
    return {to_text(document), events.empty() ? number : events.back().number};
  }

  // Server-sent events: a message soon after each settled event, and at least one a second.
  void follow(const Request& request, Response& response) {
    auto seat = take_seat();
    if (!seat) {
      response.status = 503;
      response.set_header("Retry-After", "10");
      response.set_content("too many viewers; close another page\n", plain);
      return;
    }
    response.set_header("X-Accel-Buffering", "no");  // a proxy is to pass each message on at once
    std::uint64_t seen = number_in(request.get_header_value("Last-Event-ID"), started_);
    response.set_chunked_content_provider(
        "text/event-stream",
        [this, seat = std::move(seat), seen, is_first = true](std::size_t, httplib::DataSink& sink) mutable {
          if (!std::exchange(is_first, false)) pause(seen);
          if (monitor_.history().is_closed() || !sink.is_writable()) return false;
          const Message message = message_after(seen);
          seen = message.last;
          const std::string block = fmt::format("id: {}-{}\ndata: {}\n\n", started_, seen, message.text);
          return sink.write(block.data(), block.size());
        });
  }

  void pause(std::uint64_t seen) {
    monitor_.history().wait(seen, longest_pause - shortest_pause);
    monitor_.history().wait(~std::uint64_t{0}, shortest_pause);  // so that a burst makes one message
  }

  /// Held by each viewer; none where all are taken.
  std::shared_ptr<void> take_seat() {
    if (viewers_.fetch_add(1) >= options_.most_viewers) {
      --viewers_;
      return nullptr;
    }
    return {this, [this](void*) { --viewers_; }};
  }

  const StatusServerOptions options_;
  Monitor& monitor_;
  const std::int64_t started_;
  const std::string policy_ = content_policy(status_page);
  std::atomic<std::size_t> viewers_{0};
  http::Listener listener_;  // last: its threads use everything above
};

StatusServer::StatusServer(StatusServerOptions options, Monitor& monitor)
    : impl_(std::make_unique<Impl>(std::move(options), monitor)) {}
StatusServer::~StatusServer() = default;
const http::Address& StatusServer::address() const noexcept { return impl_->address(); }

}  // namespace gracedb::supervisor

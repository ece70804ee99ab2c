#include "http/tls_server.hpp"

#include <fmt/format.h>

#include <stdexcept>

#if defined(GRACEDB_HTTP_OWN_TLS_CONNECTIONS)
#include "http/tls_stream.hpp"

#include <unistd.h>
#endif

namespace gracedb::http {
namespace {

#if defined(GRACEDB_HTTP_OWN_TLS_CONNECTIONS)

/// Serves each connection over a TlsStream. The library's own way of doing this sleeps for a millisecond
/// whenever ten have gone by without a request, and whenever a part of a TLS record has not come yet.
class TlsServer final : public httplib::SSLServer {
 public:
  using SSLServer::SSLServer;

 private:
  bool process_and_close_socket(socket_t descriptor) override {
    const bool served = serve(descriptor);
    ::close(descriptor);
    return served;
  }

  bool serve(int descriptor) {
    TlsStream stream(*ssl_context(), descriptor);
    if (!stream.accept()) return false;
    bool is_open = true;
    for (std::size_t left = keep_alive_max_count_; is_open && left > 0 && may_go_on(stream); --left) {
      bool is_last = false;
      const bool answered = process_request(
          stream, left == 1, is_last, [&](httplib::Request& request) { request.ssl = stream.handle(); });
      is_open = stream.end_answer() && answered && !is_last;
      if (!answered) return false;
    }
    stream.say_goodbye();
    return true;
  }

  bool may_go_on(const TlsStream& stream) const {
    return svr_sock_ != INVALID_SOCKET &&
           stream.wait_for_request(std::chrono::seconds(keep_alive_timeout_sec_));
  }
};

#else

using TlsServer = httplib::SSLServer;

#endif

}  // namespace

std::unique_ptr<httplib::Server> make_tls_server(const std::filesystem::path& certificate,
                                                 const std::filesystem::path& key) {
  auto server = std::make_unique<TlsServer>(certificate.c_str(), key.c_str());
  if (!server->is_valid()) {
    throw std::runtime_error(
        fmt::format("cannot use the TLS certificate {} with the key {}", certificate.string(), key.string()));
  }
  return server;
}

}  // namespace gracedb::http

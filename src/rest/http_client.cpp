#include "rest/http_client.hpp"

#include "core/interruption.hpp"

#include <poll.h>

#include <new>
#include <stdexcept>
#include <utility>

namespace gracedb::rest {
namespace {

constexpr std::size_t most_idle_lanes = 16;
constexpr std::chrono::milliseconds longest_wait{1'000};

// Never undone: other users of libcurl in the process may still be at work when static objects go.
void initialize_libcurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK)
    throw std::runtime_error(std::string("libcurl cannot start: ") + curl_easy_strerror(code));
}

bool is_hung_up(curl_socket_t socket) {
  pollfd state{socket, POLLRDHUP, 0};
  return ::poll(&state, 1, 0) > 0;
}

}  // namespace

HttpClient::HttpClient(ConnectionSettings settings) : settings_(std::move(settings)) { initialize_libcurl(); }

Exchange HttpClient::send(const HttpRequest& request, const Authorization& authorization) {
  Lane lane = take();
  Exchange exchange;
  {
    Transfer transfer(lane.handle.get(), request, authorization, settings_);
    exchange = transfer.finish(lane.perform());
  }
  give_back(std::move(lane));
  return exchange;
}

// As curl_easy_perform(), which cannot be interrupted.
CURLcode HttpClient::Lane::perform() {
  curl_multi_add_handle(driver.get(), handle.get());
  const auto remove = [this](CURL* added) { curl_multi_remove_handle(driver.get(), added); };
  const std::unique_ptr<CURL, decltype(remove)> added(handle.get(), remove);
  int running = 1;
  CURLMcode fault = curl_multi_perform(driver.get(), &running);
  while (fault == CURLM_OK && running > 0) {
    const auto wait = interruption::slice(longest_wait);
    fault = curl_multi_poll(driver.get(), nullptr, 0, static_cast<int>(wait.count()), nullptr);
    interruption::check();
    if (fault == CURLM_OK) fault = curl_multi_perform(driver.get(), &running);
  }
  if (fault != CURLM_OK) return fault == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT;
  curl_easy_getinfo(handle.get(), CURLINFO_ACTIVESOCKET, &socket);
  int left = 0;
  const CURLMsg* outcome = curl_multi_info_read(driver.get(), &left);
  return outcome != nullptr ? outcome->data.result : CURLE_FAILED_INIT;
}

std::optional<HttpClient::Idle> HttpClient::idle() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::nullopt;
  const curl_socket_t socket = idle_.back().socket;
  return Idle{.time = std::chrono::steady_clock::now() - last_use_,
              .is_open = socket != CURL_SOCKET_BAD && !is_hung_up(socket)};
}

HttpClient::Lane HttpClient::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      Lane lane = std::move(idle_.back());
      idle_.pop_back();
      return lane;
    }
  }
  Lane lane;
  if (!lane.driver || !lane.handle) throw std::bad_alloc();
  return lane;
}

void HttpClient::give_back(Lane lane) {
  const std::lock_guard lock(mutex_);
  last_use_ = std::chrono::steady_clock::now();
  if (idle_.size() < most_idle_lanes) idle_.push_back(std::move(lane));
}

}  // namespace gracedb::rest

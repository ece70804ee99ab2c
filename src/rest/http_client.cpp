#include "rest/http_client.hpp"

#include <new>
#include <stdexcept>
#include <utility>

namespace gracedb::rest {
namespace {

constexpr std::size_t most_idle_handles = 16;

// Never undone: other users of libcurl in the process may still be at work when static objects go.
void initialize_libcurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK)
    throw std::runtime_error(std::string("libcurl cannot start: ") + curl_easy_strerror(code));
}

}  // namespace

HttpClient::HttpClient(ConnectionSettings settings) : settings_(std::move(settings)) { initialize_libcurl(); }

Exchange HttpClient::send(const HttpRequest& request, const Authorization& authorization) {
  Handle handle = take();
  Exchange exchange;
  {
    Transfer transfer(handle.get(), request, authorization, settings_);
    exchange = transfer.finish(curl_easy_perform(handle.get()));
  }
  give_back(std::move(handle));
  return exchange;
}

HttpClient::Handle HttpClient::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      Handle handle = std::move(idle_.back());
      idle_.pop_back();
      return handle;
    }
  }
  Handle handle(curl_easy_init(), &curl_easy_cleanup);
  if (!handle) throw std::bad_alloc();
  return handle;
}

void HttpClient::give_back(Handle handle) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < most_idle_handles) idle_.push_back(std::move(handle));
}

}  // namespace gracedb::rest

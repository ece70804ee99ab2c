#include "rest/http_engine.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace gracedb::rest {
namespace {

/// Over one connection of HTTP/2; libcurl's own limit.
constexpr std::size_t most_streams = 100;

void require(CURLMcode code) {
  if (code != CURLM_OK) throw std::runtime_error(std::string("libcurl: ") + curl_multi_strerror(code));
}

CURLM* make_multi() {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::runtime_error("libcurl cannot start");
  CURLM* multi = curl_multi_init();
  if (multi == nullptr) throw std::bad_alloc();
  return multi;
}

}  // namespace

struct HttpEngine::Running {
  Running(Handle owned, HttpRequest sent, const Authorization& authorization,
          const ConnectionSettings& settings)
      : handle(std::move(owned)),
        request(std::move(sent)),
        transfer(handle.get(), request, authorization, settings) {}

  Handle handle;
  HttpRequest request;
  Transfer transfer;
};

HttpEngine::HttpEngine(ConnectionSettings settings, std::size_t most_connections)
    : settings_(std::move(settings)),
      most_connections_(most_connections),
      multi_(make_multi(), &curl_multi_cleanup) {
  const auto most = static_cast<long>(most_connections);
  require(curl_multi_setopt(multi_.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, most));
  require(curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, most));
}

HttpEngine::~HttpEngine() {
  for (const auto& [id, running] : running_)
    curl_multi_remove_handle(multi_.get(), running->handle.get());
}

bool HttpEngine::has_room() const noexcept {
  return running_.size() < (has_streams_ ? most_streams : most_connections_);
}

HttpEngine::Handle HttpEngine::take_handle() {
  if (!idle_.empty()) {
    Handle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }
  Handle handle(curl_easy_init(), &curl_easy_cleanup);
  if (!handle) throw std::bad_alloc();
  return handle;
}

void HttpEngine::start(Id id, HttpRequest request, const Authorization& authorization) {
  auto running = std::make_unique<Running>(take_handle(), std::move(request), authorization, settings_);
  CURL* handle = running->handle.get();
  ids_[handle] = id;
  running_[id] = std::move(running);
  if (const CURLMcode code = curl_multi_add_handle(multi_.get(), handle); code != CURLM_OK) {
    retire(id);
    require(code);
  }
}

void HttpEngine::cancel(Id id) {
  const auto found = running_.find(id);
  if (found == running_.end()) return;
  curl_multi_remove_handle(multi_.get(), found->second->handle.get());
  retire(id);
}

// Keeps the handle for the next request.
void HttpEngine::retire(Id id) {
  const auto found = running_.find(id);
  Handle handle = std::move(found->second->handle);
  running_.erase(found);
  ids_.erase(handle.get());
  idle_.push_back(std::move(handle));
}

std::vector<HttpEngine::Finished> HttpEngine::run(std::chrono::milliseconds timeout) {
  int active = 0;
  require(curl_multi_perform(multi_.get(), &active));
  std::vector<Finished> finished = harvest();
  if (!finished.empty()) return finished;
  const auto wait = static_cast<int>(std::max(timeout, std::chrono::milliseconds(0)).count());
  require(curl_multi_poll(multi_.get(), nullptr, 0, wait, nullptr));
  require(curl_multi_perform(multi_.get(), &active));
  return harvest();
}

std::vector<HttpEngine::Finished> HttpEngine::harvest() {
  std::vector<Finished> finished;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* handle = message->easy_handle;
    const CURLcode code = message->data.result;  // the message goes with the handle
    const Id id = ids_.at(handle);
    note_version(handle);
    curl_multi_remove_handle(multi_.get(), handle);
    finished.push_back({id, running_.at(id)->transfer.finish(code)});
    retire(id);
  }
  return finished;
}

void HttpEngine::note_version(CURL* handle) noexcept {
  long version = CURL_HTTP_VERSION_NONE;
  curl_easy_getinfo(handle, CURLINFO_HTTP_VERSION, &version);
  if (version != CURL_HTTP_VERSION_NONE) has_streams_ = version >= CURL_HTTP_VERSION_2_0;
}

void HttpEngine::wake() noexcept { curl_multi_wakeup(multi_.get()); }

}  // namespace gracedb::rest

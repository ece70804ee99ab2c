#include "rest/http.hpp"

#include "core/interruption.hpp"
#include "core/text.hpp"
#include "core/url.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace gracedb::rest {
namespace {

constexpr const char* user_agent = "gracedb-kafka/" GRACEDB_KAFKA_VERSION;
constexpr std::size_t max_body_reservation = std::size_t{64} << 20U;

// libcurl's own limit for one HTTP/2 connection.
constexpr std::size_t max_streams = 100;
constexpr std::size_t max_idle_engines = 16;
constexpr HttpEngine::Id only_request = 1;
// A redirect may lead from http to https.
constexpr std::size_t connections_of_one_request = 2;
constexpr std::chrono::milliseconds longest_wait{1'000};

// Never cleaned up: other users of libcurl in the process may outlive the static objects of this library.
void initialize_libcurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK)
    throw std::runtime_error(std::string("cannot initialize libcurl: ") + curl_easy_strerror(code));
}

CURLM* new_multi() {
  initialize_libcurl();
  CURLM* multi = curl_multi_init();
  if (multi == nullptr) throw std::bad_alloc();
  return multi;
}

void require(CURLMcode code) {
  if (code != CURLM_OK) throw std::runtime_error(std::string("libcurl: ") + curl_multi_strerror(code));
}

bool is_hung_up(curl_socket_t socket) {
  pollfd state{socket, POLLRDHUP, 0};
  return ::poll(&state, 1, 0) > 0;
}

template <typename Value>
void set(CURL* handle, CURLoption option, Value value) {
  if (const CURLcode code = curl_easy_setopt(handle, option, value); code != CURLE_OK) {
    throw std::runtime_error(std::string("libcurl rejected an option: ") + curl_easy_strerror(code));
  }
}

void set(CURL* handle, CURLoption option, const std::string& value) { set(handle, option, value.c_str()); }

void require(CURLcode code) {
  if (code != CURLE_OK) throw std::bad_alloc();
}

std::string urlencoded(const Fields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    if (!text.empty()) text += '&';
    text += percent_encode(name);
    text += '=';
    text += percent_encode(value);
  }
  return text;
}

const char* content_type_of(std::string_view file_name) {
  const auto ends_in = [&](std::string_view suffix) { return file_name.ends_with(suffix); };
  if (ends_in(".xml")) return "application/xml";
  if (ends_in(".json")) return "application/json";
  if (ends_in(".txt")) return "text/plain";
  if (ends_in(".gz")) return "application/gzip";
  return "application/octet-stream";
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const std::size_t first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

// For HTTP/2, which has no reason phrases.
std::string_view standard_reason(int status) {
  static constexpr std::array<std::pair<int, std::string_view>, 17> reasons{{{200, "OK"},
                                                                             {201, "Created"},
                                                                             {202, "Accepted"},
                                                                             {204, "No Content"},
                                                                             {400, "Bad Request"},
                                                                             {401, "Unauthorized"},
                                                                             {403, "Forbidden"},
                                                                             {404, "Not Found"},
                                                                             {408, "Request Timeout"},
                                                                             {409, "Conflict"},
                                                                             {410, "Gone"},
                                                                             {413, "Payload Too Large"},
                                                                             {429, "Too Many Requests"},
                                                                             {500, "Internal Server Error"},
                                                                             {502, "Bad Gateway"},
                                                                             {503, "Service Unavailable"},
                                                                             {504, "Gateway Timeout"}}};
  const auto* const found = std::find_if(reasons.begin(), reasons.end(),
                                         [&](const auto& reason) { return reason.first == status; });
  return found == reasons.end() ? std::string_view() : found->second;
}

ExchangeFailure::Kind kind_of(CURLcode code) {
  using Kind = ExchangeFailure::Kind;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Kind::resolve;
    case CURLE_COULDNT_CONNECT:
      return Kind::connect;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
      return Kind::certificate;
    case CURLE_SSL_CONNECT_ERROR:
      return Kind::connect;
    case CURLE_OPERATION_TIMEDOUT:
      return Kind::timeout;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return Kind::lost;
    default:
      return Kind::other;
  }
}

// One request on a libcurl easy handle. `request` and the handle must outlive it.
class Transfer {
 public:
  Transfer(CURL* handle, const HttpRequest& request, const Authorization& authorization,
           const ConnectionSettings& settings);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  // Resets the options of the handle and keeps its connection open.
  ~Transfer() { curl_easy_reset(handle_); }

  // The outcome, once libcurl has reported `code` for the handle.
  Exchange finish(CURLcode code);

 private:
  // The read position in the file of a multipart body.
  struct FileReader {
    std::string_view contents;
    std::size_t position = 0;
    bool may_rewind = false;
  };

  void set_connection(const ConnectionSettings& settings);
  void set_authorization(const Authorization& authorization);
  void set_body();
  void add_header(const char* line);
  void set_multipart(const Multipart& multipart);
  void add_file(const FilePart& file);
  void read_header(std::string_view line);
  ExchangeFailure describe(CURLcode code) const;

  static std::size_t read_file(char* buffer, std::size_t size, std::size_t count, void* reader) noexcept;
  static int seek_file(void* reader, curl_off_t offset, int origin) noexcept;
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* transfer) noexcept;
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* transfer) noexcept;

  CURL* handle_;
  const HttpRequest& request_;
  Response response_;
  std::string body_;
  FileReader file_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr, &curl_slist_free_all};
  std::unique_ptr<curl_mime, decltype(&curl_mime_free)> mime_{nullptr, &curl_mime_free};
  std::array<char, CURL_ERROR_SIZE> error_{};
};

Transfer::Transfer(CURL* handle, const HttpRequest& request, const Authorization& authorization,
                   const ConnectionSettings& settings)
    : handle_(handle), request_(request) {
  set(handle_, CURLOPT_URL, request.url);
  set(handle_, CURLOPT_USERAGENT, user_agent);
  set(handle_, CURLOPT_ERRORBUFFER, error_.data());
  set(handle_, CURLOPT_PRIVATE, this);
  set(handle_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(handle_, CURLOPT_HEADERDATA, this);
  set(handle_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(handle_, CURLOPT_WRITEDATA, this);
  set_connection(settings);
  set_authorization(authorization);
  set_body();
}

void Transfer::set_connection(const ConnectionSettings& settings) {
  set(handle_, CURLOPT_NOSIGNAL, 1L);
  set(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle_, CURLOPT_FOLLOWLOCATION, 0L);
  set(handle_, CURLOPT_TCP_NODELAY, 1L);
  set(handle_, CURLOPT_TCP_KEEPALIVE, 1L);
  set(handle_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(handle_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.connect_timeout.count()));
  set(handle_, CURLOPT_TIMEOUT_MS, static_cast<long>(settings.timeout.count()));
  set(handle_, CURLOPT_SSL_VERIFYPEER, 1L);
  set(handle_, CURLOPT_SSL_VERIFYHOST, 2L);
  if (settings.ca_cert_path) set(handle_, CURLOPT_CAINFO, *settings.ca_cert_path);
  // A loopback address may receive a token in clear text; a proxy must not see it.
  if (is_loopback(parse_url(request_.url).host)) set(handle_, CURLOPT_PROXY, "");
}

void Transfer::set_authorization(const Authorization& authorization) {
  if (authorization.token) {
    set(handle_, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
    set(handle_, CURLOPT_XOAUTH2_BEARER, *authorization.token);
  }
  if (authorization.certificate) {
    set(handle_, CURLOPT_SSLCERT, authorization.certificate->certificate_path);
    set(handle_, CURLOPT_SSLKEY, authorization.certificate->key_path);
  }
}

void Transfer::set_body() {
  // libcurl adds "Expect: 100-continue" to large bodies, which costs up to 1 s with servers that ignore it.
  add_header("Expect:");
  if (const auto* multipart = std::get_if<Multipart>(&request_.body)) {
    set_multipart(*multipart);
  } else if (const auto* json = std::get_if<JsonText>(&request_.body)) {
    body_ = json->text;
    add_header("Content-Type: application/json");
  } else if (const auto* form = std::get_if<Form>(&request_.body)) {
    body_ = urlencoded(form->fields);
  }
  const bool has_text =
      std::holds_alternative<Form>(request_.body) || std::holds_alternative<JsonText>(request_.body);
  if (has_text || (request_.method == Method::post && !mime_)) {
    set(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
    set(handle_, CURLOPT_POSTFIELDS, body_.c_str());
  }
  if (request_.method == Method::put || request_.method == Method::remove) {
    set(handle_, CURLOPT_CUSTOMREQUEST, std::string(name_of(request_.method)));
  }
  if (request_.method == Method::head) set(handle_, CURLOPT_NOBODY, 1L);
  set(handle_, CURLOPT_HTTPHEADER, headers_.get());
}

void Transfer::add_header(const char* line) {
  curl_slist* list = curl_slist_append(headers_.get(), line);
  if (list == nullptr) throw std::bad_alloc();
  if (!headers_) headers_.reset(list);
}

void Transfer::set_multipart(const Multipart& multipart) {
  mime_.reset(curl_mime_init(handle_));
  if (!mime_) throw std::bad_alloc();
  for (const auto& [name, value] : multipart.fields) {
    curl_mimepart* part = curl_mime_addpart(mime_.get());
    require(curl_mime_name(part, name.c_str()));
    require(curl_mime_data(part, value.data(), value.size()));
  }
  if (multipart.file) add_file(*multipart.file);
  set(handle_, CURLOPT_MIMEPOST, mime_.get());
}

void Transfer::add_file(const FilePart& file) {
  file_ = {.contents = file.contents, .may_rewind = request_.repeatable};
  curl_mimepart* part = curl_mime_addpart(mime_.get());
  require(curl_mime_name(part, file.field.c_str()));
  require(curl_mime_filename(part, file.file_name.c_str()));
  require(curl_mime_type(part, content_type_of(file.file_name)));
  require(curl_mime_data_cb(part, static_cast<curl_off_t>(file.contents.size()), &Transfer::read_file,
                            &Transfer::seek_file, nullptr, &file_));
}

std::size_t Transfer::read_file(char* buffer, std::size_t size, std::size_t count, void* reader) noexcept {
  auto& file = *static_cast<FileReader*>(reader);
  const std::string_view rest = file.contents.substr(file.position).substr(0, size * count);
  std::memcpy(buffer, rest.data(), rest.size());
  file.position += rest.size();
  return rest.size();
}

// libcurl rewinds to resend a request by itself if a kept-alive connection breaks. The server may have
// processed the request, so only a repeatable one may be resent.
int Transfer::seek_file(void* reader, curl_off_t offset, int origin) noexcept {
  auto& file = *static_cast<FileReader*>(reader);
  if (origin != SEEK_SET || offset < 0 || static_cast<std::size_t>(offset) > file.contents.size()) {
    return CURL_SEEKFUNC_FAIL;
  }
  if (!file.may_rewind && file.position > 0) return CURL_SEEKFUNC_FAIL;
  file.position = static_cast<std::size_t>(offset);
  return CURL_SEEKFUNC_OK;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* transfer) noexcept {
  try {
    static_cast<Transfer*>(transfer)->read_header(std::string_view(data, size * count));
    return size * count;
  } catch (...) {
    return 0;
  }
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* transfer) noexcept {
  try {
    static_cast<Transfer*>(transfer)->response_.body.append(data, size * count);
    return size * count;
  } catch (...) {
    return 0;
  }
}

void Transfer::read_header(std::string_view line) {
  if (line.starts_with("HTTP/")) {
    response_ = {};  // discards an interim response (1xx)
    const std::size_t status = line.find(' ');
    const std::size_t reason = status == std::string_view::npos ? status : line.find(' ', status + 1);
    if (reason != std::string_view::npos) response_.reason = trimmed(line.substr(reason));
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string name = to_lower(line.substr(0, colon));
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (name == "content-length") {
    std::size_t length = 0;
    std::from_chars(value.data(), value.data() + value.size(), length);
    response_.body.reserve(std::min(length, max_body_reservation));
  }
  const auto [header, is_new] = response_.headers.try_emplace(std::move(name), value);
  if (!is_new) header->second.append(", ").append(value);
}

Exchange Transfer::finish(CURLcode code) {
  if (code != CURLE_OK) return {.response = {}, .failure = describe(code)};
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  if (response_.reason.empty()) response_.reason = standard_reason(response_.status);
  return {.response = std::move(response_), .failure = std::nullopt};
}

ExchangeFailure Transfer::describe(CURLcode code) const {
  ExchangeFailure failure{.kind = kind_of(code), .reason = {}, .sent = false};
  long sent = 0;
  curl_easy_getinfo(handle_, CURLINFO_REQUEST_SIZE, &sent);
  failure.sent = sent > 0;
  long number = 0;
  curl_easy_getinfo(handle_, CURLINFO_OS_ERRNO, &number);
  if (code == CURLE_COULDNT_CONNECT && number != 0) {
    failure.reason = std::generic_category().message(static_cast<int>(number));
  } else {
    failure.reason = error_.front() != '\0' ? error_.data() : curl_easy_strerror(code);
  }
  return failure;
}

}  // namespace

std::string_view name_of(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::remove:
      return "DELETE";
  }
  return "";
}

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
      multi_(new_multi(), &curl_multi_cleanup) {
  const auto most = static_cast<long>(most_connections);
  require(curl_multi_setopt(multi_.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, most));
  require(curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, most));
}

HttpEngine::~HttpEngine() {
  for (const auto& [id, running] : running_)
    curl_multi_remove_handle(multi_.get(), running->handle.get());
}

bool HttpEngine::has_room() const noexcept {
  return running_.size() < (has_streams_ ? max_streams : most_connections_);
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

// Keeps the handle, and with it the connection, for the next request.
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
    const CURLcode code = message->data.result;  // read before the removal, which frees the message
    const Id id = ids_.at(handle);
    note_connection(handle);
    curl_multi_remove_handle(multi_.get(), handle);
    finished.push_back({id, running_.at(id)->transfer.finish(code)});
    retire(id);
  }
  return finished;
}

void HttpEngine::note_connection(CURL* handle) noexcept {
  long version = CURL_HTTP_VERSION_NONE;
  curl_easy_getinfo(handle, CURLINFO_HTTP_VERSION, &version);
  if (version != CURL_HTTP_VERSION_NONE) has_streams_ = version >= CURL_HTTP_VERSION_2_0;
  last_socket_ = CURL_SOCKET_BAD;
  curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, &last_socket_);
}

void HttpEngine::wake() noexcept { curl_multi_wakeup(multi_.get()); }

Exchange HttpClient::send(const HttpRequest& request, const Authorization& authorization) {
  EnginePtr engine = take();
  engine->start(only_request, request, authorization);
  std::vector<HttpEngine::Finished> finished;
  while (finished.empty()) {
    finished = engine->run(interruption::slice(longest_wait));
    if (finished.empty()) interruption::check();
  }
  give_back(std::move(engine));
  return std::move(finished.front().exchange);
}

std::optional<HttpClient::Idle> HttpClient::idle() {
  const MutexLock lock(mutex_);
  if (idle_.empty()) return std::nullopt;
  const curl_socket_t socket = idle_.back()->last_socket();
  return Idle{.time = std::chrono::steady_clock::now() - last_use_,
              .is_open = socket != CURL_SOCKET_BAD && !is_hung_up(socket)};
}

HttpClient::EnginePtr HttpClient::take() {
  {
    const MutexLock lock(mutex_);
    if (!idle_.empty()) {
      EnginePtr engine = std::move(idle_.back());
      idle_.pop_back();
      return engine;
    }
  }
  return std::make_unique<HttpEngine>(settings_, connections_of_one_request);
}

void HttpClient::give_back(EnginePtr engine) {
  const MutexLock lock(mutex_);
  last_use_ = std::chrono::steady_clock::now();
  if (idle_.size() < max_idle_engines) idle_.push_back(std::move(engine));
}

}  // namespace gracedb::rest

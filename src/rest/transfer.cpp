#include "rest/transfer.hpp"

#include "core/url.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <new>
#include <stdexcept>
#include <system_error>

namespace gracedb::rest {
namespace {

constexpr const char* user_agent = "gracedb-kafka/" GRACEDB_KAFKA_VERSION;
constexpr std::size_t largest_reservation = std::size_t{64} << 20U;

template <typename Value>
void set(CURL* handle, CURLoption option, Value value) {
  if (const CURLcode code = curl_easy_setopt(handle, option, value); code != CURLE_OK) {
    throw std::runtime_error(std::string("libcurl refused an option: ") + curl_easy_strerror(code));
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

// HTTP/2 has no reason phrase.
std::string_view standard_reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Payload Too Large";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "";
  }
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

Transfer::Transfer(CURL* handle, const HttpRequest& request, const Authorization& authorization,
                   const ConnectionSettings& settings)
    : handle_(handle), request_(request) {
  curl_easy_reset(handle_);  // Options only; the connection stays.
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
  set_body(request);
}

Transfer::~Transfer() { curl_easy_reset(handle_); }

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
  // A token may go to a loopback address unencrypted, so that it must not pass through a proxy on the way.
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

void Transfer::set_body(const HttpRequest& request) {
  // "Expect: 100-continue", which libcurl adds to larger bodies, costs up to a second on servers that ignore
  // it.
  add_header("Expect:");
  if (const auto* multipart = std::get_if<Multipart>(&request.body)) {
    set_multipart(*multipart);
  } else if (const auto* json = std::get_if<JsonText>(&request.body)) {
    body_ = json->text;
    add_header("Content-Type: application/json");
  } else if (const auto* form = std::get_if<Form>(&request.body)) {
    body_ = urlencoded(form->fields);
  }
  const bool has_text =
      std::holds_alternative<Form>(request.body) || std::holds_alternative<JsonText>(request.body);
  if (has_text || (request.method == Method::post && !mime_)) {
    set(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
    set(handle_, CURLOPT_POSTFIELDS, body_.c_str());
  }
  if (request.method == Method::put || request.method == Method::remove) {
    set(handle_, CURLOPT_CUSTOMREQUEST, std::string(name_of(request.method)));
  }
  if (request.method == Method::head) set(handle_, CURLOPT_NOBODY, 1L);
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

// libcurl rewinds in order to send a request again by itself when a kept-alive connection breaks under it.
// The server may have carried the request out by then, so that only a repeatable one may be sent again.
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
  if (line.starts_with("HTTP/")) {  // The last status line counts: an interim answer (1xx) may come before.
    response_ = {};
    const std::size_t status = line.find(' ');
    const std::size_t reason = status == std::string_view::npos ? status : line.find(' ', status + 1);
    if (reason != std::string_view::npos) response_.reason = trimmed(line.substr(reason));
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (name == "content-length") {
    std::size_t length = 0;
    std::from_chars(value.data(), value.data() + value.size(), length);
    response_.body.reserve(std::min(length, largest_reservation));
  }
  const auto [place, is_new] = response_.headers.try_emplace(std::move(name), value);
  if (!is_new) place->second.append(", ").append(value);
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

}  // namespace gracedb::rest

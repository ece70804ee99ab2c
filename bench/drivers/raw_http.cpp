#include "drivers/raw_http.hpp"

#include <stdexcept>
#include <utility>

namespace gracedb::bench {
namespace {

std::size_t append(char* data, std::size_t size, std::size_t count, void* answer) {
  static_cast<std::string*>(answer)->append(data, size * count);
  return size * count;
}

}  // namespace

RawHttp::RawHttp(std::string token, std::string ca_file)
    : token_(std::move(token)), ca_file_(std::move(ca_file)), handle_(curl_easy_init(), &curl_easy_cleanup) {
  if (!handle_) throw std::runtime_error("libcurl cannot start");
}

void RawHttp::prepare(CURL* handle, const std::string& url, std::string& answer) const {
  curl_easy_reset(handle);
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "bench-floor");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CAINFO, ca_file_.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
  curl_easy_setopt(handle, CURLOPT_XOAUTH2_BEARER, token_.c_str());
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &append);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer);
}

void RawHttp::perform(CURL* handle) {
  if (const CURLcode code = curl_easy_perform(handle); code != CURLE_OK)
    throw std::runtime_error(curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 400) throw std::runtime_error("GraceDB answered " + std::to_string(status));
}

std::string RawHttp::get(const std::string& url) {
  std::string answer;
  prepare(handle_.get(), url, answer);
  perform(handle_.get());
  return answer;
}

void RawHttp::prepare_post(CURL* handle, const std::string& url, const std::string& form,
                           std::string& answer) const {
  prepare(handle, url, answer);
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(form.size()));
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, form.c_str());
}

std::string RawHttp::post_form(const std::string& url, const std::string& form) {
  std::string answer;
  prepare_post(handle_.get(), url, form, answer);
  perform(handle_.get());
  return answer;
}

std::string RawHttp::post_file(const std::string& url, const std::string& name, const std::string& contents) {
  std::string answer;
  prepare(handle_.get(), url, answer);
  const std::unique_ptr<curl_mime, decltype(&curl_mime_free)> mime(curl_mime_init(handle_.get()),
                                                                   &curl_mime_free);
  curl_mimepart* part = curl_mime_addpart(mime.get());
  curl_mime_name(part, "eventFile");
  curl_mime_filename(part, name.c_str());
  curl_mime_data(part, contents.data(), contents.size());
  curl_easy_setopt(handle_.get(), CURLOPT_MIMEPOST, mime.get());
  perform(handle_.get());
  return answer;
}

}  // namespace gracedb::bench

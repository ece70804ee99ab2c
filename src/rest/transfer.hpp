#pragma once

#include "gracedb/rest/gracedb.hpp"

#include "rest/http_request.hpp"

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace gracedb::rest {

/// What a request is authenticated with; neither means anonymously.
struct Authorization {
  std::optional<std::string> token;
  std::optional<Certificate> certificate;
};

/// How every connection of a client is made.
struct ConnectionSettings {
  std::optional<std::string> ca_cert_path;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{60'000};
};

/// Why an exchange has no answer.
struct ExchangeFailure {
  enum class Kind { resolve, connect, certificate, timeout, lost, other };
  Kind kind = Kind::other;
  std::string reason;  ///< e.g. "Connection refused"
  bool sent = false;   ///< some of the request had left, so that it may have been carried out
};

/// The outcome of sending a request once.
struct Exchange {
  Response response;
  std::optional<ExchangeFailure> failure;  ///< set: there is no response
};

/// One HTTP exchange on a libcurl easy handle, from its options to its outcome. It can be driven by
/// curl_easy_perform() or by a curl multi handle. `request` and the handle must outlive it.
class Transfer {
 public:
  Transfer(CURL* handle, const HttpRequest& request, const Authorization& authorization,
           const ConnectionSettings& settings);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  Transfer(Transfer&&) = delete;
  Transfer& operator=(Transfer&&) = delete;
  /// Leaves the handle ready for the next transfer, its connection open.
  ~Transfer();

  /// The outcome, once libcurl has reported `code` for the handle.
  Exchange finish(CURLcode code);

 private:
  /// The file of a multipart body as libcurl reads it.
  struct FileReader {
    std::string_view contents;
    std::size_t position = 0;
    bool may_rewind = false;
  };

  void set_connection(const ConnectionSettings& settings);
  void set_authorization(const Authorization& authorization);
  void set_body(const HttpRequest& request);
  void add_header(const char* line);
  void set_multipart(const Multipart& multipart);
  void add_file(const FilePart& file);
  ExchangeFailure describe(CURLcode code) const;

  static std::size_t read_file(char* buffer, std::size_t size, std::size_t count, void* reader) noexcept;
  static int seek_file(void* reader, curl_off_t offset, int origin) noexcept;
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* transfer) noexcept;
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* transfer) noexcept;
  void read_header(std::string_view line);

  CURL* handle_;
  const HttpRequest& request_;
  Response response_;
  std::string body_;
  FileReader file_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr, &curl_slist_free_all};
  std::unique_ptr<curl_mime, decltype(&curl_mime_free)> mime_{nullptr, &curl_mime_free};
  std::array<char, CURL_ERROR_SIZE> error_{};
};

}  // namespace gracedb::rest

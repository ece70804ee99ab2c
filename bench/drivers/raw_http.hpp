#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

namespace gracedb::bench {

/// libcurl with nothing around it: one connection to GraceDB.
class RawHttp {
 public:
  RawHttp(std::string token, std::string ca_file);

  /// @throws std::runtime_error  no answer, or a status of 400 and above
  std::string get(const std::string& url);
  std::string post_form(const std::string& url, const std::string& form);
  std::string post_file(const std::string& url, const std::string& name, const std::string& contents);

  /// Prepares `handle` for a POST whose answer is appended to `answer`. `form` must stay until it is done.
  void prepare_post(CURL* handle, const std::string& url, const std::string& form, std::string& answer) const;

 private:
  void prepare(CURL* handle, const std::string& url, std::string& answer) const;
  static void perform(CURL* handle);

  std::string token_;
  std::string ca_file_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle_;
};

}  // namespace gracedb::bench

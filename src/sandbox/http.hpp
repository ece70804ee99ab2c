#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Requests and answers as the endpoints see them, free of the HTTP library.
namespace gracedb::sandbox {

struct UploadedFile {
  std::string name;  ///< base name
  std::string contents;
};

using Fields = std::multimap<std::string, std::string, std::less<>>;

struct Request {
  std::string method;
  std::vector<std::string> path;  ///< decoded segments; a trailing slash makes no difference
  Fields query;
  Fields form;                                             ///< fields of a form, multipart or URL-encoded
  std::map<std::string, UploadedFile, std::less<>> files;  ///< by field name
  std::string body;                                        ///< where it is not a form

  std::string user_agent;
  std::string authorization;
  std::string root;  ///< "http://localhost:8080/", from the Host header

  std::optional<std::string> user;  ///< none: anonymous
  std::string api;                  ///< root of the API version asked for: "http://localhost:8080/api/v2/"
  bool is_v1 = false;
  std::map<std::string, std::string, std::less<>> path_fields;  ///< values of the route's {names}

  /// The first value of a field; nothing where it is missing or empty.
  std::optional<std::string> field(std::string_view name) const;
  std::vector<std::string> fields(std::string_view name) const;
  std::optional<std::string> query_field(std::string_view name) const;
};

struct Answer {
  int status = 200;
  std::string body;
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> headers;

  Answer& with_header(std::string name, std::string value) &;
  Answer with_header(std::string name, std::string value) &&;
};

Answer json_answer(int status, const nlohmann::json& document);
/// @param json  the document as text
Answer json_text_answer(int status, std::string json);
Answer text_answer(int status, std::string text);
Answer file_answer(std::string contents);
Answer empty_answer(int status);

/// An answer that ends a request early.
class Refusal {
 public:
  explicit Refusal(Answer answer) : answer_(std::move(answer)) {}
  Answer& answer() noexcept { return answer_; }

 private:
  Answer answer_;
};

/// "a%20b" gives "a b"; a '%' that begins no escape stays. '+' is a space where `plus_is_space`.
std::string percent_decode(std::string_view text, bool plus_is_space);
/// Encodes everything but the unreserved characters and those in `kept`.
std::string percent_encode(std::string_view text, std::string_view kept = "");
/// "a=1&b=2"
Fields parse_form(std::string_view text);
/// "/api/v2/events/T0001/" gives {"api", "v2", "events", "T0001"}.
std::vector<std::string> parse_path(std::string_view path);

}  // namespace gracedb::sandbox

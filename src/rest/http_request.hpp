#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace gracedb::rest {

enum class Method { get, head, post, put, remove };

/// "GET", "HEAD", "POST", "PUT", "DELETE"
std::string_view name_of(Method method);

/// Form fields; a name may repeat.
using Fields = std::vector<std::pair<std::string, std::string>>;

/// Sent as application/x-www-form-urlencoded.
struct Form {
  Fields fields;
};

/// A file in a multipart body. Its contents are not copied and must outlive the request.
struct FilePart {
  std::string field;      ///< name of the form field
  std::string file_name;  ///< base name
  std::string_view contents;
};

/// Sent as multipart/form-data: the fields, then the file.
struct Multipart {
  Fields fields;
  std::optional<FilePart> file = {};
};

/// Sent as application/json.
struct JsonText {
  std::string text;
};

/// One request, complete but for the credential.
struct HttpRequest {
  Method method = Method::get;
  std::string url = {};
  std::variant<std::monostate, Form, Multipart, JsonText> body = {};
  /// True if sending it twice does no harm, so that it may be sent again after a connection was lost in
  /// between.
  bool repeatable = true;
};

}  // namespace gracedb::rest

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace gracedb::test_support {

/// One part of a multipart body.
struct TestPart {
  std::string name;
  /// Empty for a plain field.
  std::string file_name;
  std::string content_type;
  std::string content;
};

struct TestRequest {
  std::string method;
  /// Percent-decoded, without the query.
  std::string path;
  /// As received.
  std::string target;
  /// From the query and from a form.
  std::multimap<std::string, std::string> parameters;
  /// Names in lower case.
  std::map<std::string, std::string> headers;
  std::vector<TestPart> parts;
  /// Of a request that is not multipart.
  std::string body;
  int remote_port = 0;

  /// The first value; empty if there is none.
  std::string parameter(const std::string& name) const;
  /// The plain multipart fields with this name.
  std::vector<std::string> field(std::string_view name) const;
  std::optional<TestPart> file(std::string_view name) const;
};

struct TestReply {
  int status = 200;
  std::string body = {};
  std::string content_type = "application/json";
  std::multimap<std::string, std::string> headers = {};
};

/// An HTTP server on a free port of 127.0.0.1. A handler, called on its threads, answers every request.
class TestServer {
 public:
  using Handler = std::function<TestReply(const TestRequest&)>;

  explicit TestServer(Handler handler);
  /// Serves https with the certificate and key of one PEM file. With `client_ca_path`, clients must present a
  /// certificate that this CA signed.
  TestServer(Handler handler, const std::string& certificate_path, const std::string& client_ca_path = {});
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer();

  int port() const noexcept;
  /// "http://127.0.0.1:<port><path>", or "https://localhost:…"
  std::string url(std::string_view path = "/") const;
  /// All requests so far.
  std::vector<TestRequest> requests() const;

 private:
  class Impl;
  std::string scheme_and_host_ = "http://127.0.0.1:";
  std::unique_ptr<Impl> impl_;
};

}  // namespace gracedb::test_support

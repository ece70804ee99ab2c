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
  std::string file_name;  ///< empty for a plain field
  std::string content_type;
  std::string content;
};

struct TestRequest {
  std::string method;
  std::string path;                                    ///< percent-decoded, without the query
  std::string target;                                  ///< as it came
  std::multimap<std::string, std::string> parameters;  ///< of the query and of an urlencoded form
  std::map<std::string, std::string> headers;          ///< names in lower case
  std::vector<TestPart> parts;
  std::string body;  ///< of a request that is not multipart
  int remote_port = 0;

  std::string parameter(const std::string& name) const;         ///< the first; empty without one
  std::vector<std::string> field(std::string_view name) const;  ///< the plain multipart fields of that name
  std::optional<TestPart> file(std::string_view name) const;
};

struct TestReply {
  int status = 200;
  std::string body = {};
  std::string content_type = "application/json";
  std::multimap<std::string, std::string> headers = {};
};

/// An HTTP server on a free port of 127.0.0.1 that answers every request by a function, on any of its
/// threads.
class TestServer {
 public:
  using Handler = std::function<TestReply(const TestRequest&)>;

  explicit TestServer(Handler handler);
  /// Serves https with the certificate and key in one PEM file, and asks clients for a certificate signed by
  /// `client_ca_path`, if given.
  TestServer(Handler handler, const std::string& certificate_path, const std::string& client_ca_path = {});
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer();

  int port() const noexcept;
  /// "http://127.0.0.1:<port><path>", or "https://localhost:…"
  std::string url(std::string_view path = "/") const;
  /// Everything asked so far.
  std::vector<TestRequest> requests() const;

 private:
  class Impl;
  std::string scheme_and_host_ = "http://127.0.0.1:";
  std::unique_ptr<Impl> impl_;
};

}  // namespace gracedb::test_support

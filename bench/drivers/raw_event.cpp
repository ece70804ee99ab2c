#include "drivers/raw_event.hpp"

#include "core/encoding.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <stdexcept>

namespace gracedb::bench {

std::string read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (file < 0 || ::fstat(file, &status) != 0) throw std::runtime_error("cannot read " + path);
  std::string contents(static_cast<std::size_t>(status.st_size), '\0');
  const ssize_t got = ::read(file, contents.data(), contents.size());
  ::close(file);
  if (got != status.st_size) throw std::runtime_error("cannot read " + path);
  return contents;
}

std::string content_id_of(const std::string& contents) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(contents.data(), contents.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::array<char, 37> text{};
  const auto& d = digest;
  std::snprintf(text.data(), text.size(),
                "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", d[0], d[1], d[2],
                d[3], d[4], d[5], d[6], d[7], d[8], d[9], d[10], d[11], d[12], d[13], d[14], d[15]);
  return text.data();
}

std::string member(const std::string& json, const std::string& name) {
  const std::size_t key = json.find("\"" + name + "\"");
  if (key == std::string::npos) throw std::runtime_error("the answer has no " + name);
  const std::size_t start = json.find('"', json.find(':', key)) + 1;
  return json.substr(start, json.find('"', start) - start);
}

std::string raw_upload_message(const std::string& service_url, const std::string& graceid,
                               const std::string& submitter, const std::string& file_name,
                               const std::string& content_id, const std::string& contents) {
  std::string text;
  text.reserve(1024 + contents.size() / 3 * 4 + 4);
  text +=
      R"({"type":"upload","gracedb_server":")" + service_url + R"(","graceid":")" + graceid +
      R"(","submitter":")" + submitter +
      R"(","pipeline":"gstlal","group":"CBC","search":"AllSky","gracedb_upload":true,"skip_supervisor":false,)" +
      R"("labels":null,"content_id":")" + content_id + R"(","_producer_timestamp":)" +
      std::to_string(
          std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count()) +
      R"(,"eventFile":[")" + file_name + R"(",")";
  append_base64(text, contents);
  text += R"("]})";
  return text;
}

}  // namespace gracedb::bench

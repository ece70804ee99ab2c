#include "rest/certificate.hpp"

#include "core/duration.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <memory>
#include <system_error>

namespace gracedb::rest {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using X509Handle = std::unique_ptr<X509, decltype(&X509_free)>;

std::optional<std::string> unreadable(const std::string& path) {
  if (access(path.c_str(), R_OK) == 0) return std::nullopt;
  return fmt::format("cannot read {}: {}", path, std::generic_category().message(errno));
}

std::optional<std::chrono::system_clock::time_point> end_of_validity(const X509& certificate) {
  std::tm broken_down{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &broken_down) != 1) return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&broken_down));
}

std::optional<std::string> fault_of_validity(const std::string& path, const auth::Environment& environment) {
  const Bio file(BIO_new_file(path.c_str(), "r"), &BIO_free);
  const X509Handle certificate(file ? PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr) : nullptr,
                               &X509_free);
  if (!certificate) return fmt::format("{} holds no certificate in PEM form", path);
  const auto end = end_of_validity(*certificate);
  if (end && *end <= environment.now()) return fmt::format("{} expired at {}", path, format_utc(*end));
  return std::nullopt;
}

// The directory is open to everybody, so that the file may have been put there by somebody else.
std::optional<std::string> fault_of_owner(const std::string& path, const auth::Environment& environment) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return std::generic_category().message(errno);
  if (!S_ISREG(status.st_mode)) return "not a regular file";
  if (status.st_uid != environment.user && status.st_uid != 0) return "owned by somebody else";
  return std::nullopt;
}

std::optional<std::string> set_and_not_empty(const auth::Environment& environment, const char* name) {
  auto value = environment.variable(name);
  return value && !value->empty() ? value : std::nullopt;
}

class Search {
 public:
  explicit Search(const auth::Environment& environment) : environment_(environment) {}

  CertificateSearch run() {
    look_at_pair();
    look_at_proxy();
    look_at_default_proxy();
    return std::move(result_);
  }

 private:
  void consider(std::string place, const Certificate& certificate) {
    if (result_.certificate) return note(std::move(place), "not needed");
    if (auto fault = fault_of(certificate, environment_)) return note(std::move(place), std::move(*fault));
    result_.certificate = certificate;
    note(std::move(place), "used");
  }

  void note(std::string place, std::string state) {
    result_.places.push_back({.name = std::move(place), .state = std::move(state)});
  }

  void look_at_pair() {
    const auto certificate = set_and_not_empty(environment_, "X509_USER_CERT");
    const auto key = set_and_not_empty(environment_, "X509_USER_KEY");
    std::string place = "$X509_USER_CERT and $X509_USER_KEY";
    if (certificate && key)
      return consider(std::move(place), {.certificate_path = *certificate, .key_path = *key});
    note(std::move(place), certificate || key ? "only one of them is set" : "not set");
  }

  void look_at_proxy() {
    const auto proxy = set_and_not_empty(environment_, "X509_USER_PROXY");
    if (proxy) return consider("$X509_USER_PROXY", {.certificate_path = *proxy, .key_path = *proxy});
    note("$X509_USER_PROXY", "not set");
  }

  void look_at_default_proxy() {
    std::string path = environment_.temporary_directory / fmt::format("x509up_u{}", environment_.user);
    if (auto fault = fault_of_owner(path, environment_)) return note(std::move(path), std::move(*fault));
    consider(path, {.certificate_path = path, .key_path = path});
  }

  const auth::Environment& environment_;
  CertificateSearch result_;
};

}  // namespace

CertificateSearch find_certificate(const auth::Environment& environment) { return Search(environment).run(); }

std::optional<std::string> fault_of(const Certificate& certificate, const auth::Environment& environment) {
  if (auto fault = unreadable(certificate.certificate_path)) return fault;
  if (auto fault = unreadable(certificate.key_path)) return fault;
  return fault_of_validity(certificate.certificate_path, environment);
}

}  // namespace gracedb::rest

#include "rest/credentials.hpp"

#include "core/duration.hpp"
#include "core/log.hpp"
#include "core/text.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace gracedb::rest {
namespace {

constexpr log::Logger logger{"gracedb.rest"};

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using X509Handle = std::unique_ptr<X509, decltype(&X509_free)>;

std::optional<std::string> unreadable(const std::string& path) {
  if (access(path.c_str(), R_OK) == 0) return std::nullopt;
  return fmt::format("cannot read {}: {}", path, std::generic_category().message(errno));
}

std::optional<std::chrono::system_clock::time_point> end_of_validity(const X509& certificate) {
  std::tm broken_down{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &broken_down) != 1) return std::nullopt;
  // "No expiry" is the year 9999, which overflows system_clock.
  const std::time_t end = std::clamp<std::time_t>(timegm(&broken_down), 0, 9'000'000'000);
  return std::chrono::system_clock::from_time_t(end);
}

std::optional<std::string> fault_of_validity(const std::string& path, const auth::Environment& environment) {
  const Bio file(BIO_new_file(path.c_str(), "r"), &BIO_free);
  const X509Handle certificate(file ? PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr) : nullptr,
                               &X509_free);
  if (!certificate) return fmt::format("{} contains no PEM certificate", path);
  const auto end = end_of_validity(*certificate);
  if (end && *end <= environment.now()) return fmt::format("{} expired at {}", path, format_utc(*end));
  return std::nullopt;
}

// Every user can write to /tmp, so check who owns the file.
std::optional<std::string> fault_of_owner(const std::string& path, const auth::Environment& environment) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return std::generic_category().message(errno);
  if (!S_ISREG(status.st_mode)) return "not a regular file";
  if (status.st_uid != environment.user && status.st_uid != 0)
    return fmt::format("owned by uid {}", status.st_uid);
  return std::nullopt;
}

std::optional<std::string> non_empty_variable(const auth::Environment& environment, const char* name) {
  auto value = environment.variable(name);
  return value && !value->empty() ? value : std::nullopt;
}

class CertificateFinder {
 public:
  explicit CertificateFinder(const auth::Environment& environment) : environment_(environment) {}

  CertificateSearch run() {
    try_pair();
    try_proxy();
    try_default_proxy();
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

  void try_pair() {
    const auto certificate = non_empty_variable(environment_, "X509_USER_CERT");
    const auto key = non_empty_variable(environment_, "X509_USER_KEY");
    std::string place = "$X509_USER_CERT and $X509_USER_KEY";
    if (certificate && key)
      return consider(std::move(place), {.certificate_path = *certificate, .key_path = *key});
    note(std::move(place), certificate || key ? "only one of the two is set" : "not set");
  }

  void try_proxy() {
    const auto proxy = non_empty_variable(environment_, "X509_USER_PROXY");
    if (proxy) return consider("$X509_USER_PROXY", {.certificate_path = *proxy, .key_path = *proxy});
    note("$X509_USER_PROXY", "not set");
  }

  void try_default_proxy() {
    std::string path = environment_.temporary_directory / fmt::format("x509up_u{}", environment_.user);
    if (auto fault = fault_of_owner(path, environment_)) return note(std::move(path), std::move(*fault));
    consider(path, {.certificate_path = path, .key_path = path});
  }

  const auth::Environment& environment_;
  CertificateSearch result_;
};

auth::TokenRequest token_request(const GraceDbOptions& options, const Url& service) {
  return {.audiences = {options.token_audience.value_or("https://" + service.bracketed_host())},
          .scope = options.token_scope};
}

void check_options(const GraceDbOptions& options, const Url& service, const auth::Environment& environment) {
  if (options.force_noauth && (options.cred || options.fail_if_noauth)) {
    throw std::invalid_argument(fmt::format("force_noauth and {} contradict each other; set only one",
                                            options.cred ? "cred" : "fail_if_noauth"));
  }
  if (!options.cred) return;
  if (!service.is_https()) {
    throw std::invalid_argument(
        fmt::format("a certificate (cred) cannot be used with {}; use an https service URL", service.text));
  }
  if (const auto fault = fault_of(*options.cred, environment)) {
    throw std::invalid_argument(fmt::format("cannot use the certificate given as cred: {}", *fault));
  }
}

}  // namespace

CertificateSearch find_certificate(const auth::Environment& environment) {
  return CertificateFinder(environment).run();
}

std::optional<std::string> fault_of(const Certificate& certificate, const auth::Environment& environment) {
  if (auto fault = unreadable(certificate.certificate_path)) return fault;
  if (auto fault = unreadable(certificate.key_path)) return fault;
  return fault_of_validity(certificate.certificate_path, environment);
}

Credentials::Credentials(const GraceDbOptions& options, const Url& service, auth::Environment environment)
    : service_(service),
      request_(token_request(options, service)),
      environment_(std::move(environment)),
      anonymous_(options.force_noauth) {
  check_options(options, service, environment_);
  if (anonymous_) return;
  if (!options.cred) tokens_.emplace(request_, options.reload_buffer, environment_);
  select_certificate(options);
  if (options.fail_if_noauth) require_credentials();
  if (find_token() && !may_carry_token(service_)) {
    logger.warning("the bearer token is not sent: {} is neither https nor a loopback address", service_.text);
  }
}

void Credentials::select_certificate(const GraceDbOptions& options) {
  certificate_ = options.cred;
  if (certificate_ || !service_.is_https()) return;
  CertificateSearch search = find_certificate(environment_);
  certificate_ = std::move(search.certificate);
  for (const auto& place : search.places) {
    logger.debug("X.509 credential: {}: {}", place.name, place.state);
  }
}

void Credentials::require_credentials() {
  if (certificate_ || (may_carry_token(service_) && find_token())) return;
  throw CredentialError(fmt::format("no credential for {}: {}", service_.text, why_no_token()));
}

Authorization Credentials::authorization(const Url& url) {
  Authorization authorization;
  if (may_carry_token(url)) {
    if (auto token = find_token()) authorization.token = std::move(token->token);
  }
  if (!authorization.token && url.is_https()) authorization.certificate = certificate_;
  return authorization;
}

std::optional<auth::OAuthToken> Credentials::find_token() {
  if (!tokens_) return std::nullopt;
  std::string failure;
  std::optional<auth::OAuthToken> token;
  try {
    token = tokens_->get();
  } catch (const KafkaTokenError& error) {
    failure = join_lines(error.what());
  }
  note_failure(std::move(failure));
  return token;
}

bool Credentials::renew() {
  if (!tokens_) return false;
  try {
    return tokens_->reload();
  } catch (const KafkaTokenError& error) {
    note_failure(join_lines(error.what()));
    return false;
  }
}

void Credentials::note_failure(std::string failure) {
  const MutexLock lock(mutex_);
  token_failure_ = std::move(failure);
}

std::optional<std::chrono::system_clock::time_point> Credentials::token_expiry() {
  const auto token = may_carry_token(service_) ? find_token() : std::nullopt;
  if (!token) return std::nullopt;
  return auth::parse_claims(token->token).expires;
}

std::string Credentials::describe() {
  if (const auto token = find_token(); token && may_carry_token(service_)) {
    const auth::Discovery discovery = auth::discover_token(request_, environment_);
    const bool is_there = discovery.token && discovery.token->serialized() == token->token;
    return fmt::format("bearer token of {} from {}",
                       token->principal.empty() ? "unknown subject" : token->principal,
                       is_there ? discovery.source : "an earlier discovery");
  }
  return certificate_ ? "certificate " + certificate_->certificate_path : "none";
}

std::string Credentials::explain(const Authorization& sent) {
  if (sent.certificate) {
    return fmt::format("the certificate {} was sent; check that it is registered at {}",
                       sent.certificate->certificate_path, service_.host);
  }
  if (!sent.token) return "no token was sent: " + why_no_token();
  std::string subject = "unknown subject";
  try {
    subject = auth::parse_claims(*sent.token).subject.value_or(subject);
  } catch (const std::invalid_argument&) {  // not a JWT; keep "unknown subject"
  }
  return fmt::format("the token of {} was sent and rejected. {}", subject, auth::token_hint);
}

std::string Credentials::why_no_token() {
  if (anonymous_) return "force_noauth is set";
  if (!may_carry_token(service_)) {
    return fmt::format(
        "{} is neither https nor a loopback address, so a token would travel in clear text; use the https "
        "service URL",
        service_.text);
  }
  const MutexLock lock(mutex_);
  return token_failure_.empty() ? std::string("there was none; a token is available now") : token_failure_;
}

}  // namespace gracedb::rest

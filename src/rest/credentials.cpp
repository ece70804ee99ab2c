#include "rest/credentials.hpp"

#include "core/log.hpp"
#include "core/text.hpp"
#include "rest/certificate.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace gracedb::rest {
namespace {

constexpr log::Logger logger{"gracedb.rest"};
constexpr std::string_view htgettoken = "htgettoken -a vault.ligo.org -i igwn";

auth::TokenRequest token_request(const GraceDbOptions& options, const Url& service) {
  const std::string host =
      service.host.find(':') == std::string::npos ? service.host : "[" + service.host + "]";
  return {.audiences = {options.token_audience.value_or("https://" + host)}, .scope = options.token_scope};
}

void check(const GraceDbOptions& options, const Url& service, const auth::Environment& environment) {
  if (options.force_noauth && (options.cred || options.fail_if_noauth)) {
    throw std::invalid_argument(fmt::format("force_noauth contradicts {}; give one of them",
                                            options.cred ? "cred" : "fail_if_noauth"));
  }
  if (!options.cred) return;
  if (!service.is_https()) {
    throw std::invalid_argument(
        fmt::format("a certificate (cred) cannot be used with {}; give an https service URL", service.text));
  }
  if (const auto fault = fault_of(*options.cred, environment)) {
    throw std::invalid_argument(fmt::format("the certificate given as cred cannot be used: {}", *fault));
  }
}

}  // namespace

Credentials::Credentials(const GraceDbOptions& options, const Url& service, auth::Environment environment)
    : service_(service),
      request_(token_request(options, service)),
      environment_(std::move(environment)),
      anonymous_(options.force_noauth) {
  check(options, service, environment_);
  if (anonymous_) return;
  if (!options.cred) tokens_.emplace(request_, options.reload_buffer, environment_);
  find_certificate_for(options);
  if (options.fail_if_noauth) require_some();
  if (find_token() && !may_carry_token(service_)) {
    logger.warning("the bearer token is withheld: {} is neither https nor a loopback address", service_.text);
  }
}

void Credentials::find_certificate_for(const GraceDbOptions& options) {
  certificate_ = options.cred;
  if (certificate_ || !service_.is_https()) return;
  CertificateSearch search = find_certificate(environment_);
  certificate_ = std::move(search.certificate);
  for (const auto& place : search.places) {
    logger.debug("X.509 credential: {}: {}", place.name, place.state);
  }
}

void Credentials::require_some() {
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
  const std::lock_guard lock(mutex_);
  token_failure_ = std::move(failure);
  return token;
}

bool Credentials::renew() {
  if (!tokens_) return false;
  try {
    return tokens_->reload();
  } catch (const KafkaTokenError& error) {
    const std::lock_guard lock(mutex_);
    token_failure_ = join_lines(error.what());
    return false;
  }
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
    return fmt::format("bearer token of {} from {}", token->principal.empty() ? "nobody" : token->principal,
                       is_there ? discovery.source : "an earlier search");
  }
  return certificate_ ? "certificate " + certificate_->certificate_path : "none";
}

std::string Credentials::explain(const Authorization& sent) {
  if (sent.certificate) {
    return fmt::format("the certificate {} was sent; ask whether it is known to {}",
                       sent.certificate->certificate_path, service_.host);
  }
  if (!sent.token) return "no token was sent: " + why_no_token();
  std::string subject = "unknown subject";
  try {
    subject = auth::parse_claims(*sent.token).subject.value_or(subject);
  } catch (const std::invalid_argument&) {  // The server is then right to refuse it.
  }
  return fmt::format("the token of {} was sent; if it should do, obtain a fresh one with: {}", subject,
                     htgettoken);
}

std::string Credentials::why_no_token() {
  if (anonymous_) return "force_noauth is set";
  if (!may_carry_token(service_)) {
    return fmt::format(
        "{} is neither https nor a loopback address, so that a token would be open to anybody on the "
        "way; use the https service URL",
        service_.text);
  }
  const std::lock_guard lock(mutex_);
  return token_failure_.empty() ? std::string("none had been found; one is there now") : token_failure_;
}

}  // namespace gracedb::rest

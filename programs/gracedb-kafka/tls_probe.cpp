#include "gracedb-kafka/tls_probe.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <array>
#include <ctime>
#include <memory>
#include <system_error>

namespace gracedb::cli {
namespace {

using programs::ExitCode;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* pointer) const noexcept {
    Free(pointer);
  }
};

using SslContext = std::unique_ptr<SSL_CTX, Freed<&SSL_CTX_free>>;
using SslSession = std::unique_ptr<SSL, Freed<&SSL_free>>;
using Certificate = std::unique_ptr<X509, Freed<&X509_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<&GENERAL_NAMES_free>>;

std::string openssl_reason() {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "closed by the other side" : reason;
}

SslContext make_context(const TlsSettings& settings) {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  if (!context)
    throw ProbeError(ExitCode::other, openssl_reason(), "This is a fault of the OpenSSL installation");
  if (!settings.ca_cert) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else if (SSL_CTX_load_verify_locations(context.get(), settings.ca_cert->c_str(), nullptr) != 1) {
    throw ProbeError(
        ExitCode::usage,
        fmt::format("{} holds no certificates that can be read: {}", *settings.ca_cert, openssl_reason()),
        "Give --ca-cert a PEM file");
  }
  return context;
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> binary{};
  return ::inet_pton(AF_INET, host.c_str(), binary.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), binary.data()) == 1;
}

void expect_name(SSL* session, const std::string& host, bool verify) {
  const bool address = is_address(host);
  if (!address) SSL_set_tlsext_host_name(session, host.c_str());
  if (!verify) return;
  if (address) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str());
  } else {
    SSL_set1_host(session, host.c_str());
  }
}

void shake_hands(SSL* session, const Socket& socket, steady_clock::time_point deadline) {
  while (true) {
    const int result = SSL_connect(session);
    if (result == 1) return;
    const int error = SSL_get_error(session, result);
    const bool again = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    if (!again) {
      throw ProbeError(ExitCode::unreachable, fmt::format("no TLS handshake: {}", openssl_reason()),
                       "Check the port; it may be a listener without TLS");
    }
    if (!socket.wait(error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline)) {
      throw ProbeError(ExitCode::unreachable, "no answer to the TLS handshake",
                       "Check the port; it may be a listener without TLS");
    }
  }
}

std::string name_entry(const X509_NAME* name, int kind) {
  const int position = X509_NAME_get_index_by_NID(name, kind, -1);
  if (position < 0) return {};
  const ASN1_STRING* entry = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, position));
  unsigned char* text = nullptr;
  const int length = ASN1_STRING_to_UTF8(&text, entry);
  if (length < 0) return {};
  std::string value(text, text + length);  // NOLINT(*-pointer-arithmetic)
  OPENSSL_free(text);
  return value;
}

std::string issuer_of(const X509* certificate) {
  const X509_NAME* issuer = X509_get_issuer_name(certificate);
  const std::string common_name = name_entry(issuer, NID_commonName);
  return common_name.empty() ? name_entry(issuer, NID_organizationName) : common_name;
}

std::string bytes_of(const ASN1_STRING* text) {
  const unsigned char* data = ASN1_STRING_get0_data(text);
  return {data, data + ASN1_STRING_length(text)};  // NOLINT(*-pointer-arithmetic)
}

std::string address_text(const std::string& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = bytes.size() == sizeof(in_addr) ? AF_INET : AF_INET6;
  const bool known = bytes.size() == sizeof(in_addr) || bytes.size() == sizeof(in6_addr);
  if (!known || ::inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr) return "?";
  return text.data();
}

std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> names;
  const Names list(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; list && i < sk_GENERAL_NAME_num(list.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list.get(), i);
    if (name->type == GEN_DNS) names.push_back(bytes_of(name->d.dNSName));
    if (name->type == GEN_IPADD) names.push_back(address_text(bytes_of(name->d.iPAddress)));
  }
  if (names.empty()) names.push_back(name_entry(X509_get_subject_name(certificate), NID_commonName));
  return names;
}

std::chrono::system_clock::time_point expiry_of(const X509* certificate) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&time));
}

}  // namespace

TlsFinding probe_tls(Socket socket, const std::string& host, const TlsSettings& settings,
                     milliseconds timeout) {
  const SslContext context = make_context(settings);
  const SslSession session(SSL_new(context.get()));
  // The outcome of the verification is looked at below, so that the certificate can be described either way.
  SSL_set_verify(session.get(), SSL_VERIFY_NONE, nullptr);
  SSL_set_fd(session.get(), socket.descriptor());
  expect_name(session.get(), host, settings.verify_name);
  shake_hands(session.get(), socket, steady_clock::now() + timeout);

  TlsFinding finding;
  finding.version = SSL_get_version(session.get());
  const long verified = SSL_get_verify_result(session.get());
  if (verified != X509_V_OK) finding.fault = X509_verify_cert_error_string(verified);
  if (const Certificate certificate(SSL_get1_peer_certificate(session.get())); certificate) {
    finding.issuer = issuer_of(certificate.get());
    finding.names = names_of(certificate.get());
    finding.expires = expiry_of(certificate.get());
  }
  return finding;
}

}  // namespace gracedb::cli

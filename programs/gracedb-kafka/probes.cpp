#include "gracedb-kafka/probes.hpp"

#include "core/duration.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <memory>
#include <system_error>

namespace gracedb::cli {

using programs::ExitCode;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// ---- DNS and TCP

namespace {

constexpr const char* default_port = "9092";

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

Server parse_server(std::string_view text) {
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos)
    text.remove_prefix(scheme + 3);
  Server server{.host = std::string(text), .port = default_port};
  if (text.starts_with('[')) {
    const std::size_t end = std::min(text.find(']'), text.size());
    server.host = text.substr(1, end - 1);
    if (text.substr(end).starts_with("]:")) server.port = text.substr(end + 2);
  } else if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    server.host = text.substr(0, colon);
    server.port = text.substr(colon + 1);
  }
  return server;
}

// Socket calls take every kind of address as sockaddr.
const sockaddr* generic(const sockaddr_storage& address) {
  return reinterpret_cast<const sockaddr*>(&address);  // NOLINT(*-reinterpret-cast)
}

int pending_error(int descriptor) {
  int error = 0;
  socklen_t length = sizeof error;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

}  // namespace

std::string Server::text() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::vector<Server> parse_servers(std::string_view bootstrap_servers) {
  std::vector<Server> servers;
  while (!bootstrap_servers.empty()) {
    const std::size_t end = std::min(bootstrap_servers.find(','), bootstrap_servers.size());
    const std::string_view one = trim(bootstrap_servers.substr(0, end));
    if (!one.empty()) servers.push_back(parse_server(one));
    bootstrap_servers.remove_prefix(std::min(end + 1, bootstrap_servers.size()));
  }
  return servers;
}

std::string Address::text() const {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  const int failed = ::getnameinfo(generic(value), length, host.data(), host.size(), port.data(), port.size(),
                                   NI_NUMERICHOST | NI_NUMERICSERV);
  return failed != 0 ? "?" : Server{.host = host.data(), .port = port.data()}.text();
}

std::vector<Address> resolve(const Server& server) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &list);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  if (failed != 0) {
    throw ProbeError(ExitCode::unreachable, fmt::format("{}: {}", server.text(), ::gai_strerror(failed)),
                     "Check the name in --bootstrap-servers and the DNS configuration of this machine");
  }
  std::vector<Address> addresses;
  for (const addrinfo* info = list; info != nullptr; info = info->ai_next) {
    Address address;
    std::memcpy(&address.value, info->ai_addr, info->ai_addrlen);
    address.length = info->ai_addrlen;
    addresses.push_back(address);
  }
  return addresses;
}

Socket::Socket(const Address& address, milliseconds timeout)
    : descriptor_(::socket(address.value.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  int error = 0;
  if (!descriptor_ || ::connect(descriptor(), generic(address.value), address.length) != 0) error = errno;
  if (error == EINPROGRESS) {
    const bool connected = wait(POLLOUT, steady_clock::now() + timeout);
    error = connected ? pending_error(descriptor()) : ETIMEDOUT;
  }
  if (error == 0) return;
  const std::string reason = error == ETIMEDOUT ? "no answer within " + format_duration(timeout)
                                                : std::generic_category().message(error);
  throw ProbeError(ExitCode::unreachable, fmt::format("{}: {}", address.text(), reason),
                   "Check the port, whether the broker is running, and firewalls");
}

bool Socket::wait(short events, steady_clock::time_point deadline) const {
  pollfd ready{.fd = descriptor(), .events = events, .revents = 0};
  return ::poll(&ready, 1, static_cast<int>(time_left(deadline).count())) > 0;
}

// ---- TLS

namespace {

template <auto Free>
struct FreedBy {
  template <typename T>
  void operator()(T* pointer) const noexcept {
    Free(pointer);
  }
};

using SslContext = std::unique_ptr<SSL_CTX, FreedBy<&SSL_CTX_free>>;
using SslSession = std::unique_ptr<SSL, FreedBy<&SSL_free>>;
using Certificate = std::unique_ptr<X509, FreedBy<&X509_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, FreedBy<&GENERAL_NAMES_free>>;

std::string openssl_reason() {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "the peer closed the connection" : reason;
}

SslContext make_context(const TlsSettings& settings) {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  if (!context) throw ProbeError(ExitCode::other, openssl_reason(), "Check the OpenSSL installation");
  if (!settings.ca_cert) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else if (SSL_CTX_load_verify_locations(context.get(), settings.ca_cert->c_str(), nullptr) != 1) {
    throw ProbeError(
        ExitCode::usage,
        fmt::format("cannot load CA certificates from {}: {}", *settings.ca_cert, openssl_reason()),
        "Use a PEM file with --ca-cert");
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

void handshake(SSL* session, const Socket& socket, steady_clock::time_point deadline) {
  while (true) {
    const int result = SSL_connect(session);
    if (result == 1) return;
    const int error = SSL_get_error(session, result);
    const bool pending = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    if (!pending) {
      throw ProbeError(ExitCode::unreachable, fmt::format("the TLS handshake failed: {}", openssl_reason()),
                       "Check the port; it may be a listener without TLS");
    }
    if (!socket.wait(error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline)) {
      throw ProbeError(ExitCode::unreachable, "the server did not answer the TLS handshake",
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

std::string ip_text(const std::string& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = bytes.size() == sizeof(in_addr) ? AF_INET : AF_INET6;
  const bool valid = bytes.size() == sizeof(in_addr) || bytes.size() == sizeof(in6_addr);
  if (!valid || ::inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr) return "?";
  return text.data();
}

std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> names;
  const Names list(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; list && i < sk_GENERAL_NAME_num(list.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list.get(), i);
    if (name->type == GEN_DNS) names.push_back(bytes_of(name->d.dNSName));
    if (name->type == GEN_IPADD) names.push_back(ip_text(bytes_of(name->d.iPAddress)));
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

TlsResult probe_tls(Socket socket, const std::string& host, const TlsSettings& settings,
                    milliseconds timeout) {
  const SslContext context = make_context(settings);
  const SslSession session(SSL_new(context.get()));
  // Do not abort the handshake: an untrusted certificate is reported too.
  SSL_set_verify(session.get(), SSL_VERIFY_NONE, nullptr);
  SSL_set_fd(session.get(), socket.descriptor());
  expect_name(session.get(), host, settings.verify_name);
  handshake(session.get(), socket, steady_clock::now() + timeout);

  TlsResult result;
  result.version = SSL_get_version(session.get());
  const long verified = SSL_get_verify_result(session.get());
  if (verified != X509_V_OK) result.error = X509_verify_cert_error_string(verified);
  if (const Certificate certificate(SSL_get1_peer_certificate(session.get())); certificate) {
    result.issuer = issuer_of(certificate.get());
    result.names = names_of(certificate.get());
    result.expires = expiry_of(certificate.get());
  }
  return result;
}

// ---- Kafka

namespace {

enum class ApiKey : std::int16_t { sasl_handshake = 17, api_versions = 18 };

constexpr std::int16_t no_error = 0;
constexpr std::int16_t unsupported_sasl_mechanism = 33;

void append_int16(std::string& frame, std::int16_t value) {
  frame += static_cast<char>((value >> 8) & 0xff);
  frame += static_cast<char>(value & 0xff);
}

void append_int32(std::string& frame, std::int32_t value) {
  append_int16(frame, static_cast<std::int16_t>(value >> 16));
  append_int16(frame, static_cast<std::int16_t>(value & 0xffff));
}

void append_string(std::string& frame, std::string_view text) {
  append_int16(frame, static_cast<std::int16_t>(text.size()));
  frame += text;
}

std::string make_request(ApiKey key, std::int16_t version, std::int32_t correlation, std::string_view body) {
  std::string content;
  append_int16(content, static_cast<std::int16_t>(key));
  append_int16(content, version);
  append_int32(content, correlation);
  append_string(content, "gracedb-kafka-doctor");
  content += body;
  std::string frame;
  append_int32(frame, static_cast<std::int32_t>(content.size()));
  return frame + content;
}

// Size, correlation id and error code, with which every response used here begins.
constexpr std::size_t response_header = 10;

std::optional<std::string> exchange(const Socket& socket, const std::string& request,
                                    steady_clock::time_point deadline) {
  if (::send(socket.descriptor(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return std::nullopt;
  }
  std::string response;
  std::array<char, 4096> block{};
  while (response.size() < response_header) {
    if (!socket.wait(POLLIN, deadline)) return std::nullopt;
    const ssize_t count = ::recv(socket.descriptor(), block.data(), block.size(), 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) return std::nullopt;
    if (count > 0) response.append(block.data(), static_cast<std::size_t>(count));
  }
  return response;
}

unsigned byte_at(std::string_view bytes, std::size_t position) {
  return static_cast<unsigned char>(bytes[position]);
}

bool is_response(std::string_view response, std::int32_t correlation) {
  unsigned value = 0;
  for (std::size_t i = 4; i < 8; ++i)
    value = (value << 8U) | byte_at(response, i);
  return value == static_cast<unsigned>(correlation);
}

std::int16_t error_of(std::string_view response) {
  return static_cast<std::int16_t>((byte_at(response, 8) << 8U) | byte_at(response, 9));
}

bool speaks_kafka(const Address& address, milliseconds timeout) {
  constexpr std::int32_t correlation = 0x67726163;
  const Socket socket(address, timeout);
  const auto response =
      exchange(socket, make_request(ApiKey::api_versions, 0, correlation, {}), steady_clock::now() + timeout);
  return response && is_response(*response, correlation);
}

bool requires_login(const Address& address, milliseconds timeout) {
  constexpr std::int32_t correlation = 0x65646221;
  const Socket socket(address, timeout);
  std::string mechanism;
  append_string(mechanism, "OAUTHBEARER");
  const auto response = exchange(socket, make_request(ApiKey::sasl_handshake, 1, correlation, mechanism),
                                 steady_clock::now() + timeout);
  if (!response || !is_response(*response, correlation)) return false;
  const std::int16_t error = error_of(*response);
  return error == no_error || error == unsupported_sasl_mechanism;
}

bool speaks_tls(const Server& server, const Address& address, milliseconds timeout) {
  try {
    probe_tls(Socket(address, timeout), server.host, {}, timeout);
    return true;
  } catch (const ProbeError&) {
    return false;
  }
}

}  // namespace

Listener identify_listener(const Server& server, const Address& address, milliseconds timeout) {
  if (speaks_kafka(address, timeout)) {
    return requires_login(address, timeout) ? Listener::sasl_plaintext : Listener::plaintext;
  }
  return speaks_tls(server, address, timeout) ? Listener::tls : Listener::unknown;
}

}  // namespace gracedb::cli

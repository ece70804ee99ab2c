#include "gracedb-kafka/kafka_probe.hpp"

#include "gracedb-kafka/tls_probe.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>

namespace gracedb::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

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

std::string request(ApiKey key, std::int16_t version, std::int32_t correlation, std::string_view body) {
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

// The beginning of every answer here: its size, the correlation id, and an error code.
constexpr std::size_t answer_start = 10;

std::optional<std::string> exchange(const Socket& socket, const std::string& sent,
                                    steady_clock::time_point deadline) {
  if (::send(socket.descriptor(), sent.data(), sent.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(sent.size())) {
    return std::nullopt;
  }
  std::string answer;
  std::array<char, 4096> block{};
  while (answer.size() < answer_start) {
    if (!socket.wait(POLLIN, deadline)) return std::nullopt;
    const ssize_t count = ::recv(socket.descriptor(), block.data(), block.size(), 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) return std::nullopt;
    if (count > 0) answer.append(block.data(), static_cast<std::size_t>(count));
  }
  return answer;
}

unsigned byte_at(std::string_view bytes, std::size_t position) {
  return static_cast<unsigned char>(bytes[position]);
}

bool answers(std::string_view answer, std::int32_t correlation) {
  unsigned value = 0;
  for (std::size_t i = 4; i < 8; ++i)
    value = (value << 8U) | byte_at(answer, i);
  return value == static_cast<unsigned>(correlation);
}

std::int16_t error_of(std::string_view answer) {
  return static_cast<std::int16_t>((byte_at(answer, 8) << 8U) | byte_at(answer, 9));
}

bool answers_kafka(const Address& address, milliseconds timeout) {
  constexpr std::int32_t correlation = 0x67726163;
  const Socket socket(address, timeout);
  const auto answer =
      exchange(socket, request(ApiKey::api_versions, 0, correlation, {}), steady_clock::now() + timeout);
  return answer && answers(*answer, correlation);
}

bool wants_login(const Address& address, milliseconds timeout) {
  constexpr std::int32_t correlation = 0x65646221;
  const Socket socket(address, timeout);
  std::string mechanism;
  append_string(mechanism, "OAUTHBEARER");
  const auto answer = exchange(socket, request(ApiKey::sasl_handshake, 1, correlation, mechanism),
                               steady_clock::now() + timeout);
  if (!answer || !answers(*answer, correlation)) return false;
  const std::int16_t error = error_of(*answer);
  return error == no_error || error == unsupported_sasl_mechanism;
}

bool answers_tls(const Server& server, const Address& address, milliseconds timeout) {
  try {
    probe_tls(Socket(address, timeout), server.host, {}, timeout);
    return true;
  } catch (const ProbeError&) {
    return false;
  }
}

}  // namespace

Listener identify_listener(const Server& server, const Address& address, milliseconds timeout) {
  if (answers_kafka(address, timeout)) {
    return wants_login(address, timeout) ? Listener::sasl_plaintext : Listener::plaintext;
  }
  return answers_tls(server, address, timeout) ? Listener::tls : Listener::unknown;
}

}  // namespace gracedb::cli

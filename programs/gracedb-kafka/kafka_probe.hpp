#pragma once

#include "gracedb-kafka/broker_probe.hpp"

#include <chrono>

namespace gracedb::cli {

/// What a listener of a broker speaks.
enum class Listener {
  tls,
  sasl_plaintext,  ///< Kafka without TLS, with a login
  plaintext,       ///< Kafka without TLS and without a login
  unknown,         ///< none of these
};

/// Finds out by asking: two harmless Kafka requests in plain text, then a TLS handshake.
/// @throws ProbeError  the address cannot be reached
Listener identify_listener(const Server& server, const Address& address, std::chrono::milliseconds timeout);

}  // namespace gracedb::cli

#pragma once

#include "gracedb/kafka/message.hpp"

#include "common/output.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

/// A consumed message as a person or a program sees it.
namespace gracedb::cli {

/// One line of JSON with the keys of kcat: topic, partition, offset, ts (milliseconds), headers (names and
/// values in turn), key, payload. What is not UTF-8 is base64, and payload_encoding, key_encoding or
/// headers_encoding says so.
/// @param parsed  the payload as JSON where it is JSON, instead of as text
std::string message_json(const kafka::Message& message, bool parsed);

struct TextView {
  bool full = false;           ///< do not abbreviate long values
  bool headline_only = false;  ///< neither headers nor value
};

/// A headline (topic[partition] @ offset, time, key, what it is), the headers, and the value: JSON indented
/// and in its own order, else text, else its size. Safe for a terminal.
std::string message_text(const kafka::Message& message, const programs::Style& style, const TextView& view);

/// The same JSON with every string longer than 200 bytes cut and its length told; an event file is told by
/// its size alone.
nlohmann::ordered_json abbreviate(nlohmann::ordered_json value);

}  // namespace gracedb::cli

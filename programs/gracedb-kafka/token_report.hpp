#pragma once

#include "gracedb/auth/token.hpp"

#include "common/output.hpp"

#include <chrono>
#include <string>

/// What is told about a token: its claims and its source, never the token.
namespace gracedb::cli {

/// One line a claim, how long it is still valid, and whether it suits the request.
/// @pre found.token
std::string token_text(const auth::TokenRequest& request, const auth::Discovery& found,
                       std::chrono::system_clock::time_point now, const programs::Style& style);

/// Every place that was looked at, one a line.
std::string places_text(const auth::Discovery& found);

/// source, subject, issuer, audience, scope, expires, seconds_left, suits, and the places; without a token
/// the first ones are null.
std::string token_json(const auth::TokenRequest& request, const auth::Discovery& found,
                       std::chrono::system_clock::time_point now);

/// Why the token may be refused although it is the best one found; empty where nothing speaks against it.
std::string doubts_about(const auth::TokenRequest& request, const auth::Claims& claims,
                         std::chrono::system_clock::time_point now);

}  // namespace gracedb::cli

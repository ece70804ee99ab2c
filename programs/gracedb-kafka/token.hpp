#pragma once

#include "gracedb/auth/token.hpp"

#include "common/output.hpp"

#include <chrono>
#include <string>

/// The report of the token command: claims and source, never the token itself.
namespace gracedb::cli {

/// One claim a line, the remaining lifetime, and whether the token meets the request.
/// @pre found.token
std::string token_text(const auth::TokenRequest& request, const auth::Discovery& found,
                       std::chrono::system_clock::time_point now, const programs::Style& style);

/// Every location searched, one a line.
std::string locations_text(const auth::Discovery& found);

/// source, subject, issuer, audience, scope, expires, seconds_left, suits, places. Without a token, the
/// values of the token are null.
std::string token_json(const auth::TokenRequest& request, const auth::Discovery& found,
                       std::chrono::system_clock::time_point now);

/// Why a server may reject the token although it is the best one found, e.g. "it has no scope kafka.produce";
/// empty if there is no reason.
std::string token_problems(const auth::TokenRequest& request, const auth::Claims& claims,
                           std::chrono::system_clock::time_point now);

}  // namespace gracedb::cli

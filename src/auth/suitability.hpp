#pragma once

#include "gracedb/auth/token.hpp"

#include <chrono>
#include <string>

namespace gracedb::auth {

/// How well a token serves a request, its lifetime and its place aside; better ones first.
enum class Suitability { audience_and_scope, any_audience, audience_only, unsuited };

Suitability suitability_of(const Claims& claims, const TokenRequest& request);

/// What speaks against sending the token at `now` at all, e.g. "expired at 2026-11-22 03:04:05 UTC"; else
/// empty.
std::string invalidity_of(const Claims& claims, std::chrono::system_clock::time_point now);

/// What makes the token less than ideal for the request, e.g. "has no scope kafka.produce; expires in 42 s";
/// empty if nothing does.
std::string shortcomings_of(const Claims& claims, const TokenRequest& request,
                            std::chrono::system_clock::time_point now);

/// True if it has the lifetime that was asked for.
bool lives_long_enough(const Claims& claims, const TokenRequest& request,
                       std::chrono::system_clock::time_point now);

}  // namespace gracedb::auth

#pragma once

#include "gracedb/errors.hpp"
#include "gracedb/rest/response.hpp"

#include "rest/http_request.hpp"
#include "rest/transfer.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace gracedb::rest {

/// What GraceDB says in the body of a refusal (`error`, `errors`, `warnings`, `detail`, a JSON string, plain
/// text or the title of a web page), on one line of at most 300 bytes; empty where it says nothing.
std::string detail_of(const Response& response);

/// The error for an answer that is a refusal.
/// @param credential  for 401 and 403: what was sent, as Credentials::explain() puts it
HttpError refusal(const HttpRequest& request, const Response& response, std::string_view credential = {});

/// The error for an answer that is not what was asked for, although its status is below 400.
HttpError unexpected_answer(const HttpRequest& request, const Response& response, std::string_view what);

/// The error for a request without an answer.
HttpConnectionError connection_failure(const HttpRequest& request, const ExchangeFailure& failure, int tries,
                                       std::chrono::milliseconds elapsed);

}  // namespace gracedb::rest

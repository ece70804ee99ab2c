#include "rest/error_text.hpp"

#include "core/redact.hpp"
#include "core/text.hpp"
#include "core/url.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>

namespace gracedb::rest {
namespace {

using nlohmann::json;

// Everything GraceDB might say, in the order of preference.
constexpr std::array<std::string_view, 5> detail_keys = {"error", "errors", "detail", "warnings", "message"};

std::string joined(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return {};
  if (!value.is_structured()) return value.dump();
  std::string text;
  for (const auto& item : value.items()) {
    std::string one = joined(item.value());
    if (one.empty()) continue;
    if (value.is_object()) one.insert(0, item.key() + ": ");
    if (!text.empty()) text += "; ";
    text += one;
  }
  return text;
}

std::string detail_of_json(const json& body) {
  if (body.is_object()) {
    for (const std::string_view key : detail_keys) {
      const auto found = body.find(key);
      if (found == body.end()) continue;
      if (std::string text = joined(*found); !text.empty()) return text;
    }
  }
  return joined(body);
}

std::string title_of(std::string_view page) {
  constexpr std::string_view open = "<title>";
  const std::size_t start = page.find(open);
  const std::size_t end = page.find("</title>", start);
  if (start == std::string_view::npos || end == std::string_view::npos) return {};
  return std::string(page.substr(start + open.size(), end - start - open.size()));
}

std::string retry_after(const Response& response) {
  const auto header = response.headers.find("retry-after");
  if (header == response.headers.end()) return "later";
  const bool is_number = std::all_of(header->second.begin(), header->second.end(),
                                     [](unsigned char c) { return std::isdigit(c) != 0; });
  return is_number ? fmt::format("in {} s", header->second) : "after " + header->second;
}

std::string advice(const Response& response, std::string_view credential) {
  switch (response.status) {
    case 401:
    case 403:
      return std::string(credential);
    case 404:
      return "check the id and the service URL";
    case 408:
    case 502:
    case 504:
      return "GraceDB may be overloaded; try again later";
    case 413:
      return "the file is larger than this server takes";
    case 429:
      return "too many requests; try again " + retry_after(response);
    case 503:
      return "GraceDB is overloaded or under maintenance; try again " + retry_after(response);
    default:
      return {};
  }
}

std::string line_of(std::string_view what, const HttpRequest& request, const Response& response) {
  return fmt::format("{} {} {} with {}{}{}", what, name_of(request.method), without_query(request.url),
                     response.status, response.reason.empty() ? "" : " ", response.reason);
}

std::string in_seconds(std::chrono::milliseconds time) {
  return fmt::format("{:.1f} s", std::chrono::duration<double>(time).count());
}

std::string what_failed(const HttpRequest& request, const ExchangeFailure& failure, const Url& url) {
  using Kind = ExchangeFailure::Kind;
  const std::string where =
      url.host.find(':') == std::string::npos ? url.host + ":" + url.port : "[" + url.host + "]:" + url.port;
  switch (failure.kind) {
    case Kind::resolve:
      return fmt::format("no such host: {}", url.host);
    case Kind::connect:
      return fmt::format("could not connect to {}: {}", where, failure.reason);
    case Kind::certificate:
      return fmt::format("no trusted connection to {}: {}", where, failure.reason);
    case Kind::timeout:
      return failure.sent ? fmt::format("no answer in time to {} {}: {}", name_of(request.method),
                                        without_query(url.text), failure.reason)
                          : fmt::format("could not connect to {}: {}", where, failure.reason);
    case Kind::lost:
    case Kind::other:
      break;
  }
  return fmt::format("the connection to {} broke during {} {}: {}", where, name_of(request.method),
                     without_query(url.text), failure.reason);
}

std::string advice_for(const HttpRequest& request, const ExchangeFailure& failure) {
  if (failure.kind == ExchangeFailure::Kind::certificate) {
    return "check the certificates (ca_cert_path, cred) and the service URL";
  }
  if (failure.sent && !request.repeatable) {
    return "GraceDB may have carried it out all the same, so it was not sent again; look there before you do";
  }
  return "check the service URL and the network";
}

}  // namespace

std::string detail_of(const Response& response) {
  const json body = json::parse(response.body, nullptr, false);
  std::string text;
  if (!body.is_discarded()) {
    text = detail_of_json(body);
  } else if (const std::size_t first = response.body.find_first_not_of(" \t\r\n");
             first != std::string::npos && response.body[first] == '<') {
    text = title_of(response.body);
  } else {
    text = response.body;
  }
  return safe_line(text);
}

HttpError refusal(const HttpRequest& request, const Response& response, std::string_view credential) {
  std::string text =
      line_of(response.status < 500 ? "GraceDB refused" : "GraceDB failed at", request, response);
  if (const std::string detail = detail_of(response); !detail.empty()) text += ": " + detail;
  if (const std::string next = advice(response, credential); !next.empty()) text += "; " + next;
  return {redact(text), response.status, response.reason, response.body, response.headers};
}

HttpError unexpected_answer(const HttpRequest& request, const Response& response, std::string_view what) {
  const std::string text = fmt::format("{}: {}", line_of("GraceDB answered", request, response), what);
  return {redact(text), response.status, response.reason, response.body, response.headers};
}

HttpConnectionError connection_failure(const HttpRequest& request, const ExchangeFailure& failure, int tries,
                                       std::chrono::milliseconds elapsed) {
  std::string text = what_failed(request, failure, parse_url(request.url));
  if (tries > 1) text += fmt::format(" ({} tries in {})", tries, in_seconds(elapsed));
  return HttpConnectionError{redact(fmt::format("{}; {}", text, advice_for(request, failure)))};
}

}  // namespace gracedb::rest

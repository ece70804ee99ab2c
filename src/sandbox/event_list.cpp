#include "sandbox/event_endpoints.hpp"
#include "sandbox/event_json.hpp"
#include "sandbox/event_query.hpp"
#include "sandbox/json_tools.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <charconv>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

constexpr std::int64_t usual_page = 100;
constexpr std::int64_t longest_page = 1000;

std::int64_t number_field(const Request& request, const char* name, std::int64_t usual,
                          std::int64_t smallest) {
  const auto text = request.query_field(name);
  if (!text) return usual;
  std::int64_t value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end || value < smallest) {
    throw Refusal(json_answer(400, {{"error", std::string("Invalid ") + name}}));
  }
  return value;
}

/// Addresses of the pages of one list.
class Pages {
 public:
  Pages(const Request& request, std::int64_t count, std::int64_t total)
      : address_(request.api + "events/?"), count_(count), total_(total) {
    for (const auto& [name, value] : request.query) {
      if (name == "start" || name == "count") continue;
      address_ += percent_encode(name) + "=" + percent_encode(value) + "&";
    }
  }

  json links(std::int64_t start) const {
    const std::int64_t last = total_ == 0 ? 0 : (total_ - 1) / count_ * count_;
    return {{"self", at(start)},
            {"first", at(0)},
            {"last", at(last)},
            {"next", start + count_ < total_ ? json(at(start + count_)) : json(nullptr)},
            {"previous", start > 0 ? json(at(std::max<std::int64_t>(0, start - count_))) : json(nullptr)}};
  }

 private:
  std::string at(std::int64_t start) const {
    return address_ + "start=" + std::to_string(start) + "&count=" + std::to_string(count_);
  }

  std::string address_;
  std::int64_t count_;
  std::int64_t total_;
};

EventFilter filter_of(const Request& request) {
  try {
    EventFilter filter = parse_event_query(request.query_field("query").value_or(""), now());
    if (const auto sort = request.query_field("sort")) filter.order = parse_event_order(*sort);
    return filter;
  } catch (const InvalidQuery& error) {
    throw Refusal(json_answer(400, {{"error", "Invalid query"}, {"message", error.what()}}));
  }
}

}  // namespace

Answer EventEndpoints::list(const Request& request) const {
  const std::int64_t start = number_field(request, "start", 0, 0);
  const std::int64_t count = std::min(number_field(request, "count", usual_page, 1), longest_page);
  const EventPage page = store_.list(filter_of(request), start, count);
  std::vector<std::string> events;
  for (const Event& event : page.events)
    events.push_back(event_text(event, request.api));
  return json_text_answer(
      200, fmt::format(R"({{"numRows":{},"events":[{}],"links":{}}})", page.total, fmt::join(events, ","),
                       dump_json(Pages(request, count, page.total).links(start))));
}

}  // namespace gracedb::sandbox

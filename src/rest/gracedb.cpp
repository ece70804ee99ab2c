#include "gracedb/rest/gracedb.hpp"

#include "core/json.hpp"
#include "core/text.hpp"
#include "rest/event_request.hpp"
#include "rest/gracedb_impl.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace gracedb::rest {
namespace {

using nlohmann::json;

constexpr std::size_t page_size = 100;

GraceDbOptions checked(GraceDbOptions options) {
  const std::string& version = options.api_version;
  const bool is_word = !version.empty() && std::all_of(version.begin(), version.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
  if (!is_word) {
    throw std::invalid_argument(fmt::format("'{}' is not an API version; use v1, v2 or default", version));
  }
  if (options.retry.tries < 0) throw std::invalid_argument("retry.tries must not be negative");
  return options;
}

void require_label(std::string_view label) {
  if (label.empty()) throw std::invalid_argument("the label is empty");
}

std::string first_page(const std::string& events, std::string_view query, std::string_view order_by,
                       std::size_t count) {
  std::string url = fmt::format("{}?query={}&count={}", events, percent_encode(query), count);
  if (!order_by.empty()) url += "&sort=" + percent_encode(order_by);
  return url;
}

// The URL of the next page; empty on the last one.
std::string next_page(const json& page) {
  const auto links = page.find("links");
  if (links == page.end() || !links->is_object()) return {};
  const auto next = links->find("next");
  return next != links->end() && next->is_string() ? next->get<std::string>() : std::string();
}

struct Page {
  Response response;
  json content;
};

Page fetch_page(Session& session, const std::string& url) {
  const HttpRequest request{.method = Method::get, .url = url, .body = {}};
  Page page{.response = session.send(request), .content = {}};
  const json& content = page.content;
  try {
    page.content = parse_json(page.response.body);
  } catch (const std::invalid_argument&) {  // not JSON; reported below
  }
  if (content.is_object() && content.contains("events") && content["events"].is_array()) return page;
  throw unexpected_answer(request, page.response, "not a list of events");
}

}  // namespace

void require_graceid(std::string_view graceid) {
  if (graceid.empty()) throw std::invalid_argument("the graceid is empty");
}

nlohmann::json Response::json() const {
  if (body.find_first_not_of(" \t\r\n") == std::string::npos) return nullptr;
  try {
    return parse_json(body);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(printable_line(fmt::format("GraceDB's answer ({} {}) is not JSON: {}", status,
                                                           safe_line(reason), safe_line(error.what()))));
  }
}

GraceDb::Impl::Impl(GraceDbOptions options)
    : options_(checked(std::move(options))),
      session_(options_),
      root_(session_, options_.api_version),
      query_root_(session_, "default") {}

Response GraceDb::Impl::request(Method method, std::string_view template_name, Substitutions substitutions) {
  return session_.send({.method = method, .url = root().expand(template_name, substitutions)});
}

void GraceDb::Impl::warm_up() {
  const MutexLock lock(mutex_);
  if (!warm_connection_) warm_connection_.emplace(session_, root_, options_.keep_warm);
}

Submitter& GraceDb::Impl::submitter() {
  const MutexLock lock(mutex_);
  if (!submitter_) submitter_.emplace(session_);
  return *submitter_;
}

GraceDb::GraceDb(GraceDbOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
GraceDb::~GraceDb() = default;
GraceDb::GraceDb(GraceDb&&) noexcept = default;
GraceDb& GraceDb::operator=(GraceDb&&) noexcept = default;

const nlohmann::json& GraceDb::api_root() { return impl_->root().document(); }

kafka::Producer GraceDb::create_kafka_producer(kafka::ProducerOptions options) const {
  if (!options.service_url && !options.instance_name) options.service_url = service_url();
  impl_->warm_up();
  return kafka::Producer(std::move(options));
}

const std::string& GraceDb::service_url() const noexcept { return impl_->session().service().text; }

std::string GraceDb::credential() const { return impl_->session().credentials().describe(); }

Response GraceDb::ping() {
  return impl_->session().send({.method = Method::get, .url = impl_->root().link("self"), .body = {}});
}

Response GraceDb::user_info() {
  return impl_->session().send({.method = Method::get, .url = impl_->root().link("user-info"), .body = {}});
}

Response GraceDb::event(std::string_view graceid) {
  require_graceid(graceid);
  return impl_->request(Method::get, "event-detail-template", {{"graceid", graceid}});
}

void GraceDb::events(std::string_view query, const std::function<bool(const json& event)>& visit,
                     std::string_view order_by, std::optional<std::size_t> max_results) {
  std::size_t remaining = max_results.value_or(std::numeric_limits<std::size_t>::max());
  if (remaining == 0) return;
  const ApiRoot& root = impl_->query_root();
  std::string url = first_page(root.link("events"), query, order_by, std::min(remaining, page_size));
  while (!url.empty()) {
    root.require_on_host(url);
    const json page = fetch_page(impl_->session(), url).content;
    const json& events = page["events"];
    for (const json& event : events) {
      if (!visit(event) || --remaining == 0) return;
    }
    url = events.empty() ? std::string() : next_page(page);
  }
}

Response GraceDb::events_page(std::string_view query, std::string_view order_by, std::size_t start,
                              std::size_t count) {
  std::string url = first_page(impl_->query_root().link("events"), query, order_by, count);
  if (start > 0) url += fmt::format("&start={}", start);
  return fetch_page(impl_->session(), url).response;
}

Response GraceDb::files(std::string_view graceid, std::string_view filename) {
  require_graceid(graceid);
  return impl_->request(Method::get, "files-template", {{"graceid", graceid}, {"filename", filename}});
}

Response GraceDb::logs(std::string_view graceid, std::optional<int> log_number) {
  require_graceid(graceid);
  if (!log_number) return impl_->request(Method::get, "event-log-template", {{"graceid", graceid}});
  return impl_->request(Method::get, "event-log-detail-template",
                        {{"graceid", graceid}, {"N", std::to_string(*log_number)}});
}

Response GraceDb::write_log(std::string_view graceid, std::string_view message,
                            const WriteLogOptions& options) {
  require_graceid(graceid);
  std::optional<EventFile> file;
  if (options.contents || !options.filename.empty()) file.emplace(options.filename, options.contents);
  Multipart body{.fields = {{"comment", std::string(message)}}, .file = std::nullopt};
  for (const auto& tag : options.tag_names) {
    body.fields.emplace_back("tagname", tag);
  }
  if (!options.label.empty()) body.fields.emplace_back("label", options.label);
  if (file) body.file = {.field = "upload", .file_name = file->name(), .contents = file->contents()};
  return impl_->session().send({.method = Method::post,
                                .url = impl_->root().expand("event-log-template", {{"graceid", graceid}}),
                                .body = std::move(body),
                                .repeatable = false});
}

Response GraceDb::labels(std::string_view graceid, std::string_view label) {
  require_graceid(graceid);
  return impl_->request(Method::get, "event-label-template", {{"graceid", graceid}, {"label", label}});
}

Response GraceDb::write_label(std::string_view graceid, std::string_view label) {
  require_graceid(graceid);
  require_label(label);
  // v1 expects a JSON string that contains an object.
  const char* const body = impl_->api_version() == "v1" ? R"("{}")" : "{}";
  return impl_->session().send(
      {.method = Method::put,
       .url = impl_->root().expand("event-label-template", {{"graceid", graceid}, {"label", label}}),
       .body = JsonText{body}});
}

Response GraceDb::remove_label(std::string_view graceid, std::string_view label) {
  require_graceid(graceid);
  require_label(label);
  return impl_->request(Method::remove, "event-label-template", {{"graceid", graceid}, {"label", label}});
}

}  // namespace gracedb::rest

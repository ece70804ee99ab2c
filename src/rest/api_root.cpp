#include "rest/api_root.hpp"

#include "core/duration.hpp"
#include "core/interruption.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

namespace gracedb::rest {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr log::Logger logger{"gracedb.rest"};

constexpr auto check_interval = 500ms;
// A firewall or NAT may drop an idle connection without notice.
constexpr auto longest_idle_time = 60s;
constexpr auto shortest_idle_time = 1s;

// Thrown by the Interruptible of WarmConnection to end a request.
struct Stopped {};

constexpr int misdirected = 421;
constexpr int not_implemented = 501;

std::vector<std::string> strings_of(const json& list) {
  std::vector<std::string> strings;
  if (!list.is_array()) return strings;
  for (const json& item : list) {
    if (item.is_string()) strings.push_back(item.get<std::string>());
  }
  return strings;
}

std::string server_version(const json& document) {
  const auto found = document.find("server-version");
  return found != document.end() && found->is_string() ? safe_line(found->get<std::string>()) : "unknown";
}

HttpError unusable_link(const std::string& root, const std::invalid_argument& error) {
  return {
      fmt::format("the API root {} has an unusable link: {}", root, printable_line(safe_line(error.what()))),
      misdirected, "Misdirected Request", ""};
}

// The current exception for the other waiting threads. An interruption concerns its own thread only.
std::exception_ptr failure_for_others() {
  try {
    throw;
  } catch (const HttpError&) {
    return std::current_exception();
  } catch (const HttpConnectionError&) {
    return std::current_exception();
  } catch (const std::invalid_argument&) {
    return std::current_exception();
  } catch (...) {
    return std::make_exception_ptr(
        HttpConnectionError("the thread that fetched GraceDB's API root was interrupted; try again"));
  }
}

}  // namespace

HttpRequest ApiRoot::request(const Url& service, std::string_view version) {
  return {.method = Method::get,
          .url = version == "default" ? service.text : fmt::format("{}{}/", service.text, version),
          .body = {}};
}

ApiRoot ApiRoot::parse(const HttpRequest& request, const Response& response, const Url& service) {
  try {
    json document = parse_json(response.body);
    if (document.is_object() && document.contains("links"))
      return {std::move(document), request.url, service};
  } catch (const std::invalid_argument&) {  // not JSON; reported below
  }
  throw unexpected_answer(request, response, "not the API root of a GraceDB; check the service URL");
}

ApiRoot::ApiRoot(json document, std::string url, Url service)
    : document_(std::move(document)), url_(std::move(url)), service_(std::move(service)) {}

std::string ApiRoot::link(std::string_view name) const {
  std::string url = find("links", name);
  require_on_host(url);
  return url;
}

std::string ApiRoot::expand(std::string_view template_name, Substitutions substitutions) const {
  std::string url;
  try {
    url = expand_template(find("templates", template_name), substitutions);
  } catch (const std::invalid_argument& error) {
    throw unusable_link(url_, error);
  }
  require_on_host(url);
  return url;
}

std::string ApiRoot::find(std::string_view section, std::string_view name) const {
  if (const auto entries = document_.find(section); entries != document_.end() && entries->is_object()) {
    const auto entry = entries->find(name);
    if (entry != entries->end() && entry->is_string()) return entry->get<std::string>();
  }
  throw HttpError(
      fmt::format(
          "the GraceDB at {} (server version {}) does not offer '{}'; it may be too old, or you need another "
          "api_version",
          url_, server_version(document_), name),
      not_implemented, "Not Implemented", "");
}

void ApiRoot::require_on_host(const std::string& url) const {
  Url target;
  try {
    target = parse_url(url);
  } catch (const std::invalid_argument& error) {
    throw unusable_link(url_, error);
  }
  if (stays_on_host(service_, target)) return;
  throw HttpError(
      fmt::format("the API root {} links to another server, {}://{}; use that as the service URL if it is "
                  "correct",
                  url_, target.scheme, target.authority()),
      misdirected, "Misdirected Request", "");
}

void ApiRoot::check_event(const CreateEventOptions& event) const {
  check_known("group", "groups", event.group);
  check_known("pipeline", "pipelines", event.pipeline);
  if (event.search) check_known("search", "searches", *event.search);
  for (const auto& label : event.labels) {
    check_known("label", "labels", label);
  }
}

void ApiRoot::check_known(std::string_view what, const std::string& list, const std::string& value) const {
  const auto entries = document_.find(list);
  if (entries == document_.end() || !entries->is_array()) return;
  const auto is_value = [&value](const json& entry) {
    return entry.is_string() && entry.get_ref<const std::string&>() == value;
  };
  if (std::any_of(entries->begin(), entries->end(), is_value)) return;
  const std::vector<std::string> known = strings_of(*entries);
  const auto similar = std::find_if(
      known.begin(), known.end(), [&](const std::string& name) { return to_lower(name) == to_lower(value); });
  const std::string hint = similar == known.end() ? fmt::format("known: {}", fmt::join(known, ", "))
                                                  : fmt::format("did you mean '{}'?", *similar);
  throw std::invalid_argument(fmt::format("unknown {} '{}' for {}; {}", what, value, service_.text, hint));
}

ApiRootCache::ApiRootCache(Session& session, std::string version)
    : session_(session), version_(std::move(version)) {}

const ApiRoot& ApiRootCache::get() {
  std::promise<const ApiRoot*> promise;
  {
    MutexLock lock(mutex_);
    if (outcome_.valid()) {
      const auto outcome = outcome_;
      lock.unlock();
      while (outcome.wait_for(interruption::longest_wait) != std::future_status::ready)
        interruption::check();
      return *outcome.get();
    }
    outcome_ = promise.get_future().share();
  }
  try {
    root_ = fetch();
    promise.set_value(root_.get());
    return *root_;
  } catch (...) {
    const MutexLock lock(mutex_);
    outcome_ = {};
    promise.set_exception(failure_for_others());
    throw;
  }
}

std::unique_ptr<const ApiRoot> ApiRootCache::fetch() {
  const HttpRequest request = ApiRoot::request(session_.service(), version_);
  try {
    return std::make_unique<const ApiRoot>(
        ApiRoot::parse(request, session_.send(request), session_.service()));
  } catch (const HttpError& error) {
    if (error.status() == 404 && version_ != "default") throw_unknown_version(error);
    throw;
  }
}

// Names the versions that the API root of the service itself lists; throws `error` if there is no such root.
void ApiRootCache::throw_unknown_version(const HttpError& error) {
  json versions;
  try {
    const HttpRequest request = ApiRoot::request(session_.service(), "default");
    const ApiRoot root = ApiRoot::parse(request, session_.send(request), session_.service());
    versions = root.document().value("api-versions", json::array());
  } catch (const HttpError&) {
    throw error;
  }
  const std::vector<std::string> known = strings_of(versions);
  throw std::invalid_argument(
      fmt::format("no API version '{}' at {}; it offers {}. The service URL must not include the version",
                  version_, session_.service().text,
                  known.empty() ? "only \"default\"" : fmt::format("{}", fmt::join(known, ", "))));
}

WarmConnection::WarmConnection(Session& session, ApiRootCache& root, bool stay)
    : session_(session), root_(root), stay_(stay), longest_idle_time_(longest_idle_time), thread_([this] {
        run();
      }) {}

WarmConnection::~WarmConnection() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

void WarmConnection::run() noexcept {
  const Interruptible interruptible([this] {
    if (stopping_) throw Stopped();
  });
  try {
    try {
      root_.get();
    } catch (const std::exception& error) {
      logger.debug("cannot fetch the API root in the background: {}", error.what());
    }
    if (stay_) keep_open();
  } catch (const Stopped&) {  // from the destructor
  }
}

void WarmConnection::keep_open() {
  while (!is_stopped_within(check_interval)) {
    try {
      check_connection();
    } catch (const std::exception& error) {
      logger.debug("cannot keep the connection to GraceDB open: {}", error.what());
    }
  }
}

bool WarmConnection::is_stopped_within(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  const MutexLock lock(mutex_);
  while (!stopping_ && stopped_.wait_until(mutex_, end)) {
  }
  return stopping_;
}

void WarmConnection::check_connection() {
  const auto idle = session_.idle_connection();
  if (!idle || (idle->is_open && idle->time < longest_idle_time_)) return;
  if (!idle->is_open) {
    const auto before_it_closes = idle->time / 5 * 4;
    longest_idle_time_ = std::clamp<std::chrono::steady_clock::duration>(before_it_closes, shortest_idle_time,
                                                                         longest_idle_time_);
  }
  session_.touch({.method = Method::head, .url = session_.service().text, .body = {}});
}

}  // namespace gracedb::rest

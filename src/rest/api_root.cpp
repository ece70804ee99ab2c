#include "rest/api_root.hpp"

#include "core/interruption.hpp"
#include "rest/error_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>
#include <utility>
#include <vector>

namespace gracedb::rest {
namespace {

using nlohmann::json;

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::vector<std::string> strings_of(const json& list) {
  std::vector<std::string> strings;
  for (const json& item : list) {
    if (item.is_string()) strings.push_back(item.get<std::string>());
  }
  return strings;
}

std::string server_version(const json& document) {
  const auto found = document.find("server-version");
  return found != document.end() && found->is_string() ? found->get<std::string>() : "unknown";
}

// What the other threads that wait for the API root are told; an interruption was meant for one thread alone.
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
        HttpConnectionError("the thread that was fetching GraceDB's API root was interrupted; try again"));
  }
}

}  // namespace

ApiRoot::ApiRoot(json document, std::string url, Url service)
    : document_(std::move(document)), url_(std::move(url)), service_(std::move(service)) {}

std::string ApiRoot::link(std::string_view name) const {
  std::string url = find("links", name);
  require_on_host(url);
  return url;
}

std::string ApiRoot::expand(std::string_view template_name, Substitutions substitutions) const {
  std::string url = expand_template(find("templates", template_name), substitutions);
  require_on_host(url);
  return url;
}

std::string ApiRoot::find(std::string_view section, std::string_view name) const {
  if (const auto entries = document_.find(section); entries != document_.end() && entries->is_object()) {
    const auto entry = entries->find(name);
    if (entry != entries->end() && entry->is_string()) return entry->get<std::string>();
  }
  constexpr int not_implemented = 501;
  throw HttpError(
      fmt::format("the GraceDB at {} (server version {}) offers no '{}'; it may be too old for this, or "
                  "another api_version is needed",
                  url_, server_version(document_), name),
      not_implemented, "Not Implemented", "");
}

// The URLs come from the server; a credential must not be led elsewhere by them.
void ApiRoot::require_on_host(const std::string& url) const {
  const Url target = parse_url(url);
  if (stays_on_host(service_, target)) return;
  constexpr int misdirected = 421;
  throw HttpError(
      fmt::format("the API root {} leads to another server, {}://{}; give that as the service URL if it is "
                  "the right one",
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
  const auto similar = std::find_if(known.begin(), known.end(),
                                    [&](const std::string& name) { return equal_without_case(name, value); });
  const std::string hint = similar == known.end() ? fmt::format("it knows {}", fmt::join(known, ", "))
                                                  : fmt::format("did you mean '{}'?", *similar);
  throw std::invalid_argument(fmt::format("unknown {} '{}' for {}; {}", what, value, service_.text, hint));
}

ApiRootCache::ApiRootCache(Session& session, std::string version)
    : session_(session), version_(std::move(version)) {}

const ApiRoot& ApiRootCache::get() {
  std::promise<const ApiRoot*> promise;
  {
    std::unique_lock lock(mutex_);
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
    const std::lock_guard lock(mutex_);
    outcome_ = {};
    promise.set_exception(failure_for_others());
    throw;
  }
}

std::unique_ptr<const ApiRoot> ApiRootCache::fetch() {
  const std::string& service = session_.service().text;
  const std::string url = version_ == "default" ? service : service + version_ + "/";
  try {
    return std::make_unique<const ApiRoot>(fetch_document(url), url, session_.service());
  } catch (const HttpError& error) {
    if (error.status() == 404 && version_ != "default") refuse_version(error);
    throw;
  }
}

json ApiRootCache::fetch_document(const std::string& url) {
  const HttpRequest request{.method = Method::get, .url = url, .body = {}};
  const Response response = session_.send(request);
  json document = json::parse(response.body, nullptr, false);
  if (document.is_object() && document.contains("links")) return document;
  throw unexpected_answer(request, response, "not the API root of a GraceDB; check the service URL");
}

void ApiRootCache::refuse_version(const HttpError& refusal) {
  json document;
  try {
    document = fetch_document(session_.service().text);
  } catch (const HttpError&) {
    throw refusal;
  }
  const auto versions = document.value("api-versions", json::array());
  throw std::invalid_argument(fmt::format(
      "no API version '{}' at {}; it offers {}. The service URL itself ends before the version", version_,
      session_.service().text,
      versions.empty() ? "only \"default\"" : fmt::format("{}", fmt::join(strings_of(versions), ", "))));
}

}  // namespace gracedb::rest

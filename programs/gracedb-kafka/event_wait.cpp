#include "gracedb-kafka/event_wait.hpp"

#include "gracedb/errors.hpp"

#include "common/exit_code.hpp"
#include "core/duration.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <thread>

namespace gracedb::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds first_pause{5};
constexpr milliseconds longest_pause{1'000};

bool may_pass(const HttpError& error) { return error.status() == 404 || error.status() >= 500; }

// The event, or none where it is not complete yet; `obstacle` then says why.
std::optional<nlohmann::json> look(rest::GraceDb& client, const std::string& graceid,
                                   const std::string& file_name, std::string& obstacle) {
  try {
    if (!lists_file(client.files(graceid).json(), file_name)) {
      obstacle = "its file is not there yet";
      return std::nullopt;
    }
    return client.event(graceid).json();
  } catch (const HttpError& error) {
    if (!may_pass(error)) throw;
    obstacle = error.status() == 404 ? "it is not shown yet" : error.what();
  } catch (const HttpConnectionError& error) {
    obstacle = error.what();
  } catch (const std::invalid_argument& error) {
    obstacle = error.what();  // an answer that is not JSON, e.g. of a proxy
  }
  return std::nullopt;
}

}  // namespace

bool lists_file(const nlohmann::json& files, std::string_view name) {
  if (!files.is_object()) return false;
  const auto list = files.find("files");
  if (list == files.end() || !list->is_array()) return files.contains(name);
  return std::any_of(list->begin(), list->end(), [name](const nlohmann::json& file) {
    const nlohmann::json& listed = file.is_object() ? file.value("filename", nlohmann::json()) : file;
    return listed.is_string() && listed.get_ref<const std::string&>() == name;
  });
}

nlohmann::json wait_for_event(rest::GraceDb& client, const std::string& graceid, const std::string& file_name,
                              milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  std::string obstacle;
  for (milliseconds pause = first_pause;; pause = std::min(pause * 3 / 2, longest_pause)) {
    if (auto event = look(client, graceid, file_name, obstacle)) return *std::move(event);
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    if (left <= milliseconds(0)) break;
    std::this_thread::sleep_for(std::min(pause, left));
  }
  throw programs::ProgramError(
      programs::ExitCode::other,
      fmt::format("{} is not complete in GraceDB after {} ({}); it is submitted and need not be again, the "
                  "supervisor completes it as soon as it can",
                  graceid, format_duration(timeout), obstacle));
}

}  // namespace gracedb::cli

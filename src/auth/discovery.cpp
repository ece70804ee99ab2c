#include "gracedb/auth/token.hpp"
#include "gracedb/errors.hpp"

#include "auth/claims.hpp"
#include "auth/token_file.hpp"
#include "core/redact.hpp"
#include "core/text.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <limits>
#include <system_error>
#include <utility>

namespace gracedb::auth {
namespace {

namespace fs = std::filesystem;

constexpr int unusable = std::numeric_limits<int>::max();

std::optional<std::string> variable_of_process(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

struct Candidate {
  Place place;
  // Set if the token is valid now.
  std::optional<Token> token;
  // In a place from which a token of any audience and scope is accepted.
  bool is_last_resort;
};

// One search of all places, in order.
class TokenSearch {
 public:
  TokenSearch(const TokenRequest& request, const Environment& environment)
      : request_(request), environment_(environment), now_(environment.now()) {}

  void in_content_of(const char* variable);
  void in_file_named_by(const char* variable);
  void in_condor_credentials();
  void in_runtime_directory();
  void in_temporary_directory();

  // The following places may hold a token of any audience and scope.
  void begin_last_resorts() { last_resorts_ = true; }

  Discovery conclude() &&;

 private:
  void note(std::string_view name, std::string_view state);
  void in_file(std::string_view name, const fs::path& path);
  void in_condor_file(const fs::path& path);
  template <typename Read>
  void examine(std::string_view name, Read read);

  std::string user_file_name() const { return fmt::format("bt_u{}", environment_.user); }
  int rank_of(const Candidate& candidate) const;
  Candidate* best();

  const TokenRequest& request_;
  const Environment& environment_;
  const std::chrono::system_clock::time_point now_;
  bool last_resorts_ = false;
  std::vector<Candidate> candidates_;
};

void TokenSearch::note(std::string_view name, std::string_view state) {
  // Both hold text from outside: a path, a claim.
  candidates_.push_back(
      {{printable_line(safe_line(name)), printable_line(safe_line(state))}, std::nullopt, last_resorts_});
}

template <typename Read>
void TokenSearch::examine(std::string_view name, Read read) {
  try {
    Token token(read());
    const std::string invalidity = invalidity_of(token.claims(), now_);
    const bool may_be_sent = invalidity.empty();
    note(name, invalidity);
    if (may_be_sent) candidates_.back().token = std::move(token);
  } catch (const std::exception& error) {
    note(name, error.what());
  }
}

void TokenSearch::in_file(std::string_view name, const fs::path& path) {
  examine(name, [&] { return std::string(trim_token(read_token_file(path, environment_.user))); });
}

void TokenSearch::in_condor_file(const fs::path& path) {
  examine(fmt::format("$_CONDOR_CREDS/{} ({})", path.filename().native(), path.native()),
          [&] { return token_in_condor_file(read_token_file(path, environment_.user)); });
}

void TokenSearch::in_content_of(const char* variable) {
  const std::string name = fmt::format("${}", variable);
  const auto content = environment_.variable(variable);
  if (!content) return note(name, "not set");
  examine(name, [&] { return std::string(trim_token(*content)); });
}

void TokenSearch::in_file_named_by(const char* variable) {
  const std::string name = fmt::format("${}", variable);
  const auto path = environment_.variable(variable);
  if (!path) return note(name, "not set");
  if (path->empty()) return note(name, "empty");
  in_file(fmt::format("{} ({})", name, *path), *path);
}

void TokenSearch::in_condor_credentials() {
  const std::string name = "$_CONDOR_CREDS/*.use";
  const auto directory = environment_.variable("_CONDOR_CREDS");
  if (!directory || directory->empty()) return note(name, "_CONDOR_CREDS not set");

  const std::string full_name = fmt::format("{} ({})", name, *directory);
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(*directory, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".use") files.push_back(entry->path());
  }
  if (error) return note(full_name, error.message());
  if (files.empty()) return note(full_name, "no such file");
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    in_condor_file(file);
  }
}

void TokenSearch::in_runtime_directory() {
  const std::string name = "$XDG_RUNTIME_DIR/" + user_file_name();
  const auto directory = environment_.variable("XDG_RUNTIME_DIR");
  if (!directory || directory->empty()) return note(name, "XDG_RUNTIME_DIR not set");
  const fs::path path = fs::path(*directory) / user_file_name();
  in_file(fmt::format("{} ({})", name, path.native()), path);
}

void TokenSearch::in_temporary_directory() {
  const fs::path path = environment_.temporary_directory / user_file_name();
  in_file(path.native(), path);
}

// The classes of discover_token(), best first.
int TokenSearch::rank_of(const Candidate& candidate) const {
  if (!candidate.token) return unusable;
  const Claims& claims = candidate.token->claims();
  if (lives_long_enough(claims, request_, now_)) {
    switch (suitability_of(claims, request_)) {
      case Suitability::audience_and_scope:
        return 1;
      case Suitability::any_audience:
        return 2;
      case Suitability::audience_only:
        return 3;
      case Suitability::unsuited:
        break;
    }
  }
  return candidate.is_last_resort ? 4 : unusable;
}

Candidate* TokenSearch::best() {
  const auto found =
      std::min_element(candidates_.begin(), candidates_.end(),
                       [this](const Candidate& a, const Candidate& b) { return rank_of(a) < rank_of(b); });
  return found == candidates_.end() || rank_of(*found) == unusable ? nullptr : &*found;
}

Discovery TokenSearch::conclude() && {
  for (Candidate& candidate : candidates_) {
    if (!candidate.token) continue;
    const std::string shortcomings = shortcomings_of(candidate.token->claims(), request_, now_);
    candidate.place.state =
        shortcomings.empty() ? "usable, not needed" : printable_line(safe_line(shortcomings));
  }
  Discovery discovery;
  if (Candidate* chosen = best()) {
    chosen->place.state = "used";
    discovery.token = std::move(chosen->token);
    discovery.source = chosen->place.name;
  }
  for (Candidate& candidate : candidates_) {
    discovery.places.push_back(std::move(candidate.place));
  }
  return discovery;
}

}  // namespace

Environment Environment::of_process() {
  return {.variable = variable_of_process,
          .now = std::chrono::system_clock::now,
          .user = ::geteuid(),
          .temporary_directory = "/tmp"};
}

Discovery discover_token(const TokenRequest& request, const Environment& environment) {
  TokenSearch search(request, environment);
  search.in_content_of("SCITOKEN");
  search.in_file_named_by("SCITOKEN_FILE");
  search.in_condor_credentials();
  search.begin_last_resorts();
  search.in_content_of("BEARER_TOKEN");
  search.in_file_named_by("BEARER_TOKEN_FILE");
  search.in_runtime_directory();
  search.in_temporary_directory();
  return std::move(search).conclude();
}

Token require_token(const TokenRequest& request, const Environment& environment) {
  Discovery discovery = discover_token(request, environment);
  if (!discovery.token) throw KafkaTokenError(describe_failure(request, discovery));
  return std::move(*discovery.token);
}

std::string describe_failure(const TokenRequest& request, const Discovery& discovery) {
  std::string text = "No usable token was found";
  if (!request.audiences.empty()) {
    text += fmt::format(" for audience {}", fmt::join(request.audiences, " or "));
  }
  if (!request.scope.empty()) text += " with scope " + request.scope;
  text += ".\n";
  for (const Place& place : discovery.places) {
    text += fmt::format("  {}: {}\n", place.name, place.state);
  }
  text += token_hint;
  return redact(text);
}

}  // namespace gracedb::auth

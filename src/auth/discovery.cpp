#include "gracedb/auth/token.hpp"
#include "gracedb/errors.hpp"

#include "auth/suitability.hpp"
#include "auth/token_file.hpp"
#include "core/redact.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <system_error>
#include <utility>

namespace gracedb::auth {
namespace {

namespace fs = std::filesystem;

constexpr int unusable = std::numeric_limits<int>::max();

bool is_utf8_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// Text from outside (a path, a claim) made fit for one line of output.
std::string printable(std::string text) {
  text = redact(text);
  if (constexpr std::size_t longest = 500; text.size() > longest) {
    std::size_t end = longest;
    while (end > 0 && is_utf8_continuation(text[end])) {
      --end;
    }
    text.replace(end, std::string::npos, "...");
  }
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

struct Candidate {
  Place place;
  std::optional<Token> token;  ///< only if it may be sent now
  bool is_last_resort;         ///< in a place whose token is taken whatever its audience and scope
};

/// One walk through all the places.
class Search {
 public:
  Search(const TokenRequest& request, const Environment& environment)
      : request_(request), environment_(environment), now_(environment.now()) {}

  void in_content_of(const char* variable);
  void in_file_named_by(const char* variable);
  void in_condor_credentials();
  void in_runtime_directory();
  void in_temporary_directory();

  /// From here on an unexpired token will do, whatever its audience and scope.
  void begin_last_resorts() { last_resorts_ = true; }

  Discovery conclude() &&;

 private:
  void note(std::string name, std::string state);
  void in_file(std::string name, const fs::path& path);
  void in_condor_file(const fs::path& path);
  template <typename Read>
  void examine(std::string name, Read read);

  std::string user_file_name() const { return fmt::format("bt_u{}", environment_.user); }
  int rank_of(const Candidate& candidate) const;
  Candidate* best();

  const TokenRequest& request_;
  const Environment& environment_;
  const std::chrono::system_clock::time_point now_;
  bool last_resorts_ = false;
  std::vector<Candidate> candidates_;
};

void Search::note(std::string name, std::string state) {
  candidates_.push_back(
      {{printable(std::move(name)), printable(std::move(state))}, std::nullopt, last_resorts_});
}

template <typename Read>
void Search::examine(std::string name, Read read) {
  try {
    Token token(read());
    std::string invalidity = invalidity_of(token.claims(), now_);
    const bool may_be_sent = invalidity.empty();
    note(std::move(name), std::move(invalidity));
    if (may_be_sent) candidates_.back().token = std::move(token);
  } catch (const std::exception& fault) {
    note(std::move(name), fault.what());
  }
}

void Search::in_file(std::string name, const fs::path& path) {
  examine(std::move(name), [&] { return std::string(trim_token(read_token_file(path, environment_.user))); });
}

void Search::in_condor_file(const fs::path& path) {
  examine(fmt::format("$_CONDOR_CREDS/{} ({})", path.filename().native(), path.native()),
          [&] { return token_in_condor_file(read_token_file(path, environment_.user)); });
}

void Search::in_content_of(const char* variable) {
  const std::string name = fmt::format("${}", variable);
  const auto content = environment_.variable(variable);
  if (!content) return note(name, "not set");
  examine(name, [&] { return std::string(trim_token(*content)); });
}

void Search::in_file_named_by(const char* variable) {
  const std::string name = fmt::format("${}", variable);
  const auto path = environment_.variable(variable);
  if (!path) return note(name, "not set");
  if (path->empty()) return note(name, "empty");
  in_file(fmt::format("{} ({})", name, *path), *path);
}

void Search::in_condor_credentials() {
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

void Search::in_runtime_directory() {
  const std::string name = "$XDG_RUNTIME_DIR/" + user_file_name();
  const auto directory = environment_.variable("XDG_RUNTIME_DIR");
  if (!directory || directory->empty()) return note(name, "XDG_RUNTIME_DIR not set");
  const fs::path path = fs::path(*directory) / user_file_name();
  in_file(fmt::format("{} ({})", name, path.native()), path);
}

void Search::in_temporary_directory() {
  const fs::path path = environment_.temporary_directory / user_file_name();
  in_file(path.native(), path);
}

/// The preference of discover_token(), best first.
int Search::rank_of(const Candidate& candidate) const {
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

Candidate* Search::best() {
  const auto found =
      std::min_element(candidates_.begin(), candidates_.end(),
                       [this](const Candidate& a, const Candidate& b) { return rank_of(a) < rank_of(b); });
  return found == candidates_.end() || rank_of(*found) == unusable ? nullptr : &*found;
}

Discovery Search::conclude() && {
  for (Candidate& candidate : candidates_) {
    if (!candidate.token) continue;
    const std::string shortcomings = shortcomings_of(candidate.token->claims(), request_, now_);
    candidate.place.state = shortcomings.empty() ? "usable, not needed" : printable(shortcomings);
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

Discovery discover_token(const TokenRequest& request, const Environment& environment) {
  Search search(request, environment);
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
  text += "Obtain a fresh token with: htgettoken -a vault.ligo.org -i igwn";
  return redact(text);
}

}  // namespace gracedb::auth

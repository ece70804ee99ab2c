#include "core/duration.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <system_error>

namespace gracedb {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

struct Unit {
  std::string_view name;
  double milliseconds;
};

constexpr std::array units{Unit{"ms", 1},   Unit{"s", 1e3},     Unit{"min", 60e3},
                           Unit{"m", 60e3}, Unit{"h", 3'600e3}, Unit{"d", 86'400e3}};

// 100 years: longer than any wait, and too short to overflow milliseconds or a time point.
constexpr double longest_milliseconds = 100.0 * 366 * 86'400e3;

struct Measured {
  double number;
  std::string_view unit;
};

std::optional<Measured> split_number(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  return Measured{number, text.substr(static_cast<std::size_t>(end - text.data()))};
}

std::optional<milliseconds> duration_of(const Measured& measured) {
  for (const Unit& unit : units) {
    if (measured.unit != unit.name) continue;
    const double value = measured.number * unit.milliseconds;
    if (value > longest_milliseconds) return std::nullopt;
    return milliseconds(std::llround(value));
  }
  return std::nullopt;
}

// Reads fixed-width digits and separators from the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }

  bool skip(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) return false;
    last_ = rest_.front();
    rest_.remove_prefix(1);
    return true;
  }

  char last() const { return last_; }

  std::optional<unsigned> digits(std::size_t count) {
    unsigned value = 0;
    if (rest_.size() < count) return std::nullopt;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + count, value);
    if (error != std::errc() || end != rest_.data() + count) return std::nullopt;
    rest_.remove_prefix(count);
    return value;
  }

  // Digits after a decimal point, as nanoseconds; ignores more than nine.
  std::optional<std::chrono::nanoseconds> fraction() {
    std::int64_t value = 0;
    std::size_t count = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      if (count < 9) value = value * 10 + (rest_.front() - '0');
      ++count;
      rest_.remove_prefix(1);
    }
    if (count == 0) return std::nullopt;
    for (; count < 9; ++count)
      value *= 10;
    return std::chrono::nanoseconds(value);
  }

 private:
  std::string_view rest_;
  char last_ = '\0';
};

std::optional<std::chrono::seconds> scan_offset(Scanner& scanner) {
  if (scanner.done() || scanner.skip("Zz")) return std::chrono::seconds(0);
  if (!scanner.skip("+-")) return std::nullopt;
  const int sign = scanner.last() == '-' ? -1 : 1;
  const auto hours = scanner.digits(2);
  scanner.skip(":");
  const auto minutes = scanner.digits(2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (std::chrono::hours(*hours) + std::chrono::minutes(*minutes));
}

std::optional<std::chrono::nanoseconds> scan_time_of_day(Scanner& scanner) {
  const auto hours = scanner.digits(2);
  if (!hours || !scanner.skip(":")) return std::nullopt;
  const auto minutes = scanner.digits(2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  std::chrono::nanoseconds time = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  if (!scanner.skip(":")) return time;
  const auto seconds = scanner.digits(2);
  if (!seconds || *seconds > 60) return std::nullopt;
  time += std::chrono::seconds(*seconds);
  if (!scanner.skip(".,")) return time;
  const auto fraction = scanner.fraction();
  if (!fraction) return std::nullopt;
  return time + *fraction;
}

std::optional<system_clock::time_point> parse_calendar_time(std::string_view text) {
  Scanner scanner(text);
  const auto year = scanner.digits(4);
  if (!year || !scanner.skip("-")) return std::nullopt;
  const auto month = scanner.digits(2);
  if (!month || !scanner.skip("-")) return std::nullopt;
  const auto day = scanner.digits(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day));
  if (!date.ok() || *year < 1970 || *year > 2200) return std::nullopt;
  system_clock::time_point time = std::chrono::sys_days{date};
  if (scanner.done()) return time;
  if (!scanner.skip("Tt ")) return std::nullopt;
  const auto time_of_day = scan_time_of_day(scanner);
  if (!time_of_day) return std::nullopt;
  const auto offset = scan_offset(scanner);
  if (!offset || !scanner.done()) return std::nullopt;
  return time + *time_of_day - *offset;
}

}  // namespace

milliseconds time_left(std::chrono::steady_clock::time_point deadline) noexcept {
  return std::max(milliseconds(0),
                  std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now()));
}

milliseconds parse_duration(std::string_view text) {
  if (auto measured = split_number(text)) {
    if (measured->unit.empty()) measured->unit = "s";
    if (const auto duration = duration_of(*measured)) return *duration;
  }
  throw std::invalid_argument(
      fmt::format(R"("{}" is not a duration; use for example 500ms, 10s, 2m or 1h)", text));
}

milliseconds parse_signed_duration(std::string_view text) {
  return text.starts_with('-') ? -parse_duration(text.substr(1)) : parse_duration(text);
}

system_clock::time_point parse_time(std::string_view text, system_clock::time_point now) {
  if (const auto time = parse_calendar_time(text)) return *time;
  if (const auto measured = split_number(text)) {
    const bool is_unix_time = measured->unit.empty() && measured->number < 7.3e9;
    if (is_unix_time) return system_clock::time_point(milliseconds(std::llround(measured->number * 1e3)));
    if (const auto duration = duration_of(*measured)) return now - *duration;
  }
  throw std::invalid_argument(fmt::format(
      R"("{}" is not a time; use for example 2026-11-22T03:04:05Z, Unix seconds, or 10m for ten minutes ago)",
      text));
}

std::string format_duration(std::chrono::nanoseconds duration) {
  if (duration < std::chrono::nanoseconds(0)) return "-" + format_duration(-duration);
  const double seconds = to_seconds(duration);
  const auto decimals = [](double value) { return value < 9.995 ? 2 : value < 99.95 ? 1 : 0; };
  if (seconds < 999.5e-6) return fmt::format("{:.0f} us", seconds * 1e6);
  if (seconds < 999.5e-3) return fmt::format("{:.{}f} ms", seconds * 1e3, decimals(seconds * 1e3));
  if (seconds < 59.95) return fmt::format("{:.{}f} s", seconds, decimals(seconds));
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  if (whole < 86'400) return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
  return fmt::format("{} d {} h", whole / 86'400, whole % 86'400 / 3600);
}

std::string format_utc(system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(system_clock::to_time_t(time)));
}

std::string format_timestamp(system_clock::time_point time) {
  const auto whole = std::chrono::floor<milliseconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(whole);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(whole - day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03} UTC", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

std::string format_rfc3339(system_clock::time_point time) {
  std::string text = format_timestamp(time);
  text.replace(text.find(' '), 1, "T");
  return text.replace(text.find(' '), std::string::npos, "Z");
}

}  // namespace gracedb

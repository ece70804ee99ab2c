#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// What the drivers share: one JSON command a line on standard input, one JSON answer a line on standard
/// output.
namespace gracedb::bench {

using Command = nlohmann::json;
using Work = std::function<nlohmann::json(const Command&)>;

/// A variable of the environment that must be there.
inline std::string variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

/// How long `work` takes.
template <typename F>
double seconds_of(F&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Times `work` `count` times, and tells when each ended (Unix time).
template <typename F>
nlohmann::json time_each(int count, F&& work) {
  std::vector<double> seconds;
  std::vector<double> ended;
  for (int i = 0; i < count; ++i) {
    seconds.push_back(seconds_of(work));
    ended.push_back(
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
  }
  return {{"seconds", seconds}, {"ended", ended}};
}

/// `size` digits, others for each `number`: text that compresses about as real values do.
inline std::string_view some_text(std::size_t size, std::size_t number) {
  static const std::string pool = [] {
    std::string text(std::size_t{1} << 18U, '\0');
    std::uint32_t state = 1;
    for (char& letter : text)
      letter = "0123456789.,-e 0"[(state = state * 1'664'525U + 1'013'904'223U) >> 28U];
    return text;
  }();
  return std::string_view(pool).substr(number * 7919 % (pool.size() - size), size);
}

/// A JSON object of about `size` bytes as a pipeline's status message looks; `number` makes each another.
inline nlohmann::json status_object(std::size_t size, int number) {
  constexpr std::size_t beside_the_comment = 75;
  return {
      {"type", "status"},
      {"number", number},
      {"pipeline", "gstlal"},
      {"far", 1.5e-7},
      {"comment", some_text(size - std::min(size, beside_the_comment), static_cast<std::size_t>(number))}};
}

/// Messages for `produce`, made before the clock starts and sent one after the other, again and again: what
/// is measured begins with a value, and a value that a program has just made is in the processor's caches.
inline std::vector<nlohmann::json> status_objects(std::size_t size) {
  constexpr int different = 2'000;  // far more than one compressed batch can look back on
  std::vector<nlohmann::json> values;
  values.reserve(different);
  for (int number = 0; number < different; ++number)
    values.push_back(status_object(size, number));
  return values;
}

/// Carries out commands until standard input ends.
inline int serve(const std::map<std::string, Work>& works) {
  std::string line;
  while (std::getline(std::cin, line)) {
    nlohmann::json answer;
    try {
      const Command command = nlohmann::json::parse(line);
      answer = works.at(command.at("do").get<std::string>())(command);
    } catch (const std::exception& fault) {
      answer = {{"error", fault.what()}};
    }
    std::cout << answer.dump() << std::endl;
  }
  return 0;
}

}  // namespace gracedb::bench

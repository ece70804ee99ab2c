#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

/// The command loop of the measured C++ programs.
namespace bench {

/// Returns an environment variable.
/// @throws std::runtime_error  it is not set
inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

/// Runs `work` `count` times and returns the seconds of each run.
template <typename Work>
nlohmann::json time_each(int count, Work&& work) {
  std::vector<double> seconds;
  for (int i = 0; i < count; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return seconds;
}

inline std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    lines.push_back(line);
  return lines;
}

template <typename Client>
nlohmann::json execute(Client& client, const nlohmann::json& command) {
  const std::string name = command.at("do");
  const int count = command.value("count", 1);
  const std::string file = command.value("file", "");
  if (name == "open") return time_each(1, [&] { client.open(); });
  if (name == "create_event") return time_each(count, [&] { client.create_event(file); });
  if (name == "create_events") return time_each(1, [&] { client.create_events(file, count); });
  if (name == "produce") {
    const std::vector<std::string> messages = read_lines(file);
    return time_each(1, [&] { client.produce(messages, count); });
  }
  if constexpr (requires { client.consume(count); }) {
    if (name == "consume") return {client.consume(count)};
  }
  throw std::runtime_error("unknown command " + name);
}

/// Executes one JSON command per line of standard input and answers with one line of JSON: the seconds it
/// took.
template <typename Client>
int serve(Client& client) {
  for (std::string line; std::getline(std::cin, line);) {
    nlohmann::json answer;
    try {
      answer["seconds"] = execute(client, nlohmann::json::parse(line));
    } catch (const std::exception& error) {
      answer["error"] = error.what();
    }
    std::cout << answer.dump() << std::endl;
  }
  return 0;
}

}  // namespace bench

#pragma once

// The external headers that take the longest to parse, for builds with GRACEDB_PRECOMPILED_HEADERS. Source files still
// include what they use: ./dev lint and ./dev wheel compile without this header.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

extern template class nlohmann::basic_json<>;

#pragma once

// The outside headers that cost the compiler most, parsed once for a build by ./dev. No source file relies on
// it: ./dev lint and ./dev wheel compile without it.
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

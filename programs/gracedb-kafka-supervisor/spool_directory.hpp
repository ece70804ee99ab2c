#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace gracedb::supervisor {

/// The given one, else the state directory that systemd has made for us, or the user's own.
/// @throws UsageError  there is none
std::filesystem::path spool_directory(const std::optional<std::string>& given);

}  // namespace gracedb::supervisor

#pragma once

#include <span>
#include <string_view>

/// What the service knows by name: the values a submission may carry.
namespace gracedb::sandbox {

std::span<const std::string_view> groups();
std::span<const std::string_view> pipelines();
std::span<const std::string_view> searches();
std::span<const std::string_view> labels();

bool is_group(std::string_view name);
bool is_pipeline(std::string_view name);
bool is_search(std::string_view name);
bool is_label(std::string_view name);

/// True for the labels that stand for a signoff and cannot be set by hand, e.g. "H1OK".
bool is_protected_label(std::string_view name);

/// True for an identifier of a replay analysis: 1 to 30 of A-Z a-z 0-9 _ -.
bool is_replay_id(std::string_view text);

}  // namespace gracedb::sandbox

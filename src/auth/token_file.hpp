#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace gracedb::auth {

/// The text of a file that may hold a token: a regular file (or a link to one) of `user` or of root, of at
/// most 1 MiB. Never blocks, also not on a FIFO.
/// @throws std::runtime_error  it may not or cannot be read; the message is the bare reason, e.g.
///                             "owned by uid 1001"
std::string read_token_file(const std::filesystem::path& path, uid_t user);

/// `text` without white space at both ends.
/// @throws std::runtime_error  nothing is left ("empty")
std::string_view trim_token(std::string_view text);

/// The token in a credential file of HTCondor: the bare token, or the `access_token` of a JSON object.
/// @throws std::runtime_error  neither of these
std::string token_in_condor_file(std::string_view text);

}  // namespace gracedb::auth

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace gracedb::auth {

/// The text of a file that may hold a token: a regular file, or a link to one, that `user` or root owns, of
/// at most 1 MiB. Never blocks, not even on a FIFO.
/// @throws std::runtime_error  the file cannot or must not be read; the message is the bare reason, e.g.
///                             "owned by uid 1001"
std::string read_token_file(const std::filesystem::path& path, uid_t user);

/// `text` without white space at both ends.
/// @throws std::runtime_error  "empty"
std::string_view trim_token(std::string_view text);

/// The token in a credential file of HTCondor: the bare token, or the `access_token` of a JSON object.
/// @throws std::runtime_error  neither of these
std::string token_in_condor_file(std::string_view text);

}  // namespace gracedb::auth

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gracedb::auth {

/// The bytes of an unpadded base64url text (RFC 7515, section 2); none if it is not one.
std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace gracedb::auth

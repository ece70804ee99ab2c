#pragma once

#include <string>
#include <string_view>

namespace gracedb::supervisor {

/// The status page, status_page.html as it is: style and script inside.
extern const std::string_view status_page;

/// The Content-Security-Policy of a page with one style and one script inside: those two run and nothing
/// else, and it talks to nobody but its own server.
std::string content_policy(std::string_view page);

}  // namespace gracedb::supervisor

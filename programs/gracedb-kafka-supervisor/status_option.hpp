#pragma once

#include "supervisor/monitor.hpp"
#include "supervisor/status_server.hpp"

#include <memory>
#include <optional>
#include <string>

namespace gracedb::supervisor {

/// Of metrics, probes and the status page, where no other address is given: "127.0.0.1:9463".
std::string default_status_address();

/// @param listen  the value of --listen, if it was given
/// @throws UsageError  neither an address nor "none"
void check_status_address(const std::optional<std::string>& listen);

/// Serves the status at the address that --listen names, and says where; nullptr for "none". Where it was not
/// given and the default port is taken, any free one does.
/// @throws UsageError, std::runtime_error  as check_status_address(), as StatusServer
std::unique_ptr<StatusServer> open_status_server(const std::optional<std::string>& listen,
                                                 const Identity& identity, Monitor& monitor);

}  // namespace gracedb::supervisor

#include "gracedb-kafka-supervisor/status_option.hpp"

#include "common/exit_code.hpp"
#include "core/log.hpp"
#include "http/address.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace gracedb::supervisor {
namespace {

constexpr log::Logger logger{"gracedb.supervisor"};

http::Address default_address() { return {.host = "127.0.0.1", .port = 9463}; }

std::optional<http::Address> address_of(const std::optional<std::string>& listen) {
  if (listen == "none") return std::nullopt;
  try {
    return listen ? http::parse_address(*listen) : default_address();
  } catch (const std::invalid_argument& fault) {
    throw programs::UsageError(fmt::format("--listen {}, or none", fault.what()));
  }
}

std::unique_ptr<StatusServer> open_on_any_port(StatusServerOptions options, Monitor& monitor) {
  options.address.port = 0;
  return std::make_unique<StatusServer>(std::move(options), monitor);
}

}  // namespace

std::string default_status_address() { return to_text(default_address()); }

void check_status_address(const std::optional<std::string>& listen) { static_cast<void>(address_of(listen)); }

std::unique_ptr<StatusServer> open_status_server(const std::optional<std::string>& listen,
                                                 const Identity& identity, Monitor& monitor) {
  const auto address = address_of(listen);
  if (!address) return nullptr;
  const StatusServerOptions options{.address = *address, .identity = identity};
  std::unique_ptr<StatusServer> server;
  try {
    server = std::make_unique<StatusServer>(options, monitor);
  } catch (const std::runtime_error& fault) {
    if (listen) throw;
    // Another supervisor on this machine, most likely; nobody has asked for this very port.
    logger.warning("{}; taking a free one", fault.what());
    server = open_on_any_port(options, monitor);
  }
  logger.info("metrics, probes and the status page at http://{}/", to_text(server->address()));
  return server;
}

}  // namespace gracedb::supervisor

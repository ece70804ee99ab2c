#pragma once

#include <httplib.h>

#include <filesystem>
#include <memory>

namespace gracedb::http {

/// A server of the HTTP library that speaks TLS, with a certificate and its key in PEM.
/// @throws std::runtime_error  they cannot be used
std::unique_ptr<httplib::Server> make_tls_server(const std::filesystem::path& certificate,
                                                 const std::filesystem::path& key);

}  // namespace gracedb::http

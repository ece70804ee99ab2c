#pragma once

#include <string>

/// The open TCP connections of this process, as the kernel knows them. The HTTP library gives no access to
/// the socket behind a request; the two ends of a connection name it just as well.
namespace gracedb::http {

/// One end of a connection.
struct Endpoint {
  std::string address;  ///< as text; empty where the connection has gone
  int port = 0;
};

Endpoint local_end(int descriptor);
Endpoint remote_end(int descriptor);

struct Peer {
  int local_port = 0;
  std::string address;  ///< the other end, as text
  int port = 0;
};

/// Ends a connection in both directions at once. Does nothing where it has gone already.
void shut_down_connection(const Peer& peer);

/// Ends every connection that was accepted on `local_port`.
void shut_down_connections(int local_port);

/// True if the other end has closed the connection, or it has gone.
bool is_closed_by_peer(const Peer& peer);

}  // namespace gracedb::http

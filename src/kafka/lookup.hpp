#pragma once

#include "kafka/librdkafka.hpp"

namespace gracedb::kafka {

/// Held while a host name is looked up. fork() waits for it, up to a second: glibc keeps a lock in there
/// (__check_pf) that it does not free in the child, where no name could ever be looked up again.
class Lookup {
 public:
  Lookup();
  ~Lookup();
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
};

/// Has the client that is made from this configuration look names up in this way.
void look_up_aware_of_forks(rd_kafka_conf_t* config);

}  // namespace gracedb::kafka

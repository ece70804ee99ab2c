#pragma once

#include "kafka/librdkafka.hpp"

namespace gracedb::kafka {

/// Held during a host name lookup. fork() waits for it, at most a second: glibc holds a lock meanwhile (__check_pf)
/// that stays locked in the child, where no name could be resolved any more.
class LookupGuard {
 public:
  LookupGuard();
  ~LookupGuard();
  LookupGuard(const LookupGuard&) = delete;
  LookupGuard& operator=(const LookupGuard&) = delete;
};

/// Makes the client with this configuration resolve names under a LookupGuard.
void use_fork_safe_resolver(rd_kafka_conf_t* config);

}  // namespace gracedb::kafka

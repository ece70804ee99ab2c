#include "gracedb/logging.hpp"

#include "gracedb-sandbox/commands.hpp"
#include "gracedb-sandbox/readiness.hpp"
#include "gracedb-sandbox/serve_options.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>

namespace gracedb::sandbox::commands {
namespace {

/// INT, TERM and HUP, kept back from all threads until somebody waits for them.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  void wait() const {
    int signal = 0;
    sigwait(&signals_, &signal);
  }

 private:
  sigset_t signals_{};
};

LogLevel level_of(int verbose) {
  if (verbose == 0) return LogLevel::warning;
  return verbose == 1 ? LogLevel::info : LogLevel::debug;
}

void follow_parent(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::raise(SIGTERM);  // it has ended already
}

int serve(const ServeOptions& options) {
  const pid_t parent = ::getppid();
  const StopSignals stop;
  if (options.exit_with_parent) follow_parent(parent);
  set_log_level(level_of(options.verbose));
  const SandboxOptions sandbox_options = options.to_sandbox_options();
  const Sandbox sandbox(sandbox_options);
  const std::string text = options.json
                               ? readiness_json(sandbox)
                               : readiness_text(sandbox, options.no_auth, sandbox_options.embedded_broker);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  stop.wait();
  return 0;
}

}  // namespace

Run add_serve(CLI::App& app) {
  const auto options = std::make_shared<ServeOptions>();
  options->add_to(app);
  return [options] { return serve(*options); };
}

}  // namespace gracedb::sandbox::commands

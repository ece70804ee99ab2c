#include "bindings/client.hpp"

#include "core/mutex.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <cmath>
#include <csignal>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <vector>

namespace gracedb::python {
namespace {

using nb::literals::operator""_a;  // NOLINT(misc-unused-using-decls): as a suffix
using std::chrono::system_clock;

/// A token and its expiry as Unix time, as confluent-kafka expects them from `oauth_cb`.
using TokenAndExpiry = std::pair<std::string, std::int64_t>;

TokenAndExpiry to_pair(const auth::OAuthToken& token) {
  return {token.token,
          std::chrono::duration_cast<std::chrono::seconds>(token.expires.time_since_epoch()).count()};
}

/// The SASL principal: the subject of the token.
std::string principal_of(const std::string& token) {
  const auth::Claims claims = auth::parse_claims(token);
  return claims.subject.value_or(claims.issuer.value_or("unknown"));
}

auth::OAuthToken token_from(const nb::object& result) {
  const auto token = nb::cast<std::string>(result[0]);
  const auto expiry = nb::cast<double>(result[1]);
  return {token, system_clock::time_point(std::chrono::milliseconds(std::llround(expiry * 1000))),
          principal_of(token)};
}

class PyRefreshManager {
 public:
  PyRefreshManager(const std::string& broker_url, const std::string& scope,
                   const std::optional<std::string>& audience, double refresh_buffer)
      : manager_(broker_url, scope, audience, whole_seconds(refresh_buffer)) {}

  std::string get_token() {
    return without_gil([this] { return manager_.get_token(); });
  }
  TokenAndExpiry get() {
    return to_pair(without_gil([this] { return manager_.get(); }));
  }

 private:
  auth::SciTokenRefreshManager manager_;
};

/// Threads of cancelled constructions.
class CancelledThreads {
 public:
  void add(std::jthread thread) {
    const MutexLock lock(mutex_);
    forget_inherited();
    threads_.push_back(std::move(thread));
  }

  void join() {
    const MutexLock lock(mutex_);
    forget_inherited();
    threads_.clear();
  }

 private:
  /// The threads of the parent process do not exist in the child of a fork().
  void forget_inherited() REQUIRES(mutex_) {
    if (generation_ == fork_generation()) return;
    for (std::jthread& thread : threads_)
      thread.detach();
    threads_.clear();
    generation_ = fork_generation();
  }

  Mutex mutex_;
  std::vector<std::jthread> threads_ GUARDED_BY(mutex_);
  unsigned generation_ GUARDED_BY(mutex_) = fork_generation();
};

CancelledThreads& cancelled_threads() {
  static CancelledThreads instance;
  return instance;
}

}  // namespace

OAuthCallable::OAuthCallable(nb::handle oauth_cb) {
  if (oauth_cb.is_none()) return;
  if (PyCallable_Check(oauth_cb.ptr()) == 0) throw nb::type_error("oauth_cb must be callable");
  callable_ = nb::borrow(oauth_cb);
}

OAuthCallable::~OAuthCallable() {
  if (!callable_.is_valid()) return;
  if (const nb::detail::cleanup_guard gil{}) {
    clear();
  } else {
    static_cast<void>(callable_.release());  // the interpreter has ended
  }
}

auth::OAuthToken OAuthCallable::request_token() const {
  const nb::gil_scoped_acquire gil;
  if (!gil.is_valid() || !callable_.is_valid())
    throw KafkaTokenError("cannot call oauth_cb: its producer or consumer is closed");
  const nb::object callable = callable_;
  try {
    return hang_if_unwound([&] { return token_from(callable("")); });
  } catch (const nb::python_error& error) {
    throw KafkaTokenError("oauth_cb raised " + nb::cast<std::string>(nb::repr(error.value())));
  } catch (const std::bad_cast&) {
    throw KafkaTokenError("oauth_cb must return a tuple of the token (str) and its expiry (Unix time)");
  } catch (const std::invalid_argument& error) {
    throw KafkaTokenError(std::string("oauth_cb returned no valid token: ") + error.what());
  }
}

auth::OAuthCallback oauth_callback(const std::shared_ptr<OAuthCallable>& callable) {
  if (callable->object() == nullptr) return {};
  return [callable] { return callable->request_token(); };
}

void join_at_exit(std::jthread thread) { cancelled_threads().add(std::move(thread)); }

void block_signals() noexcept {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

void bind_clients(nb::module_& module) {
  module.def(
      "get_scitoken_for_kafka",
      [](const std::string& broker_url, const std::string& scope,
         const std::optional<std::string>& audience) {
        return without_gil([&] { return auth::get_scitoken_for_kafka(broker_url, scope, audience); });
      },
      "broker_url"_a, "scope"_a, "audience"_a.none());
  module.def(
      "find_oauth_token",
      [](const std::string& broker_url, const std::string& scope,
         const std::optional<std::string>& audience) {
        return to_pair(
            without_gil([&] { return auth::create_oauth_callback(broker_url, scope, audience)(); }));
      },
      "broker_url"_a, "scope"_a, "audience"_a.none());
  nb::class_<PyRefreshManager>(module, "RefreshManager")
      .def(nb::init<const std::string&, const std::string&, const std::optional<std::string>&, double>(),
           "broker_url"_a, "scope"_a, "audience"_a.none(), "refresh_buffer"_a)
      .def("get_token", &PyRefreshManager::get_token)
      .def("get", &PyRefreshManager::get);

  module.def("join_cancelled_threads", [] {
    const ReleasedGil released;
    cancelled_threads().join();
  });
  nb::module_::import_("atexit").attr("register")(module.attr("join_cancelled_threads"));
}

}  // namespace gracedb::python

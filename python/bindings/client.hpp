#pragma once

#include "gracedb/auth/token.hpp"

#include "bindings/convert.hpp"
#include "bindings/runtime.hpp"
#include "core/interruption.hpp"

#include <nanobind/nanobind.h>

#include <chrono>
#include <future>
#include <memory>
#include <stop_token>
#include <thread>
#include <utility>

/// What producers and consumers share: the token callable, the options, and an interruptible construction.
namespace gracedb::python {

/// A Python callable as confluent-kafka takes for `oauth_cb`: given a str, it returns a token and its expiry
/// as Unix time. Shared by the client's background threads and by its Python object, which shows it to the
/// garbage collector, as the callable may refer to the client.
class OAuthCallable {
 public:
  /// @param oauth_cb  None: the client discovers its token itself
  /// @throws nanobind::python_error  TypeError
  explicit OAuthCallable(nb::handle oauth_cb);
  OAuthCallable(const OAuthCallable&) = delete;
  OAuthCallable& operator=(const OAuthCallable&) = delete;
  ~OAuthCallable();

  /// Calls the callable. Any thread.
  /// @throws KafkaTokenError  the callable raised, or returned no token
  auth::OAuthToken request_token() const;

  /// The callable, borrowed; null without one. With the GIL.
  PyObject* object() const noexcept { return callable_.ptr(); }
  /// Releases the callable. With the GIL.
  void clear() { const nb::object released = std::move(callable_); }

 private:
  nb::object callable_;
};

/// Empty without a callable, so that the client discovers its token.
auth::OAuthCallback oauth_callback(const std::shared_ptr<OAuthCallable>& callable);

template <typename Client>
int visit_oauth_callable(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (nb::inst_ready(self)) Py_VISIT(nb::inst_ptr<Client>(self)->oauth_callable().object());
  return 0;
}

template <typename Client>
int clear_oauth_callable(PyObject* self) {
  nb::inst_ptr<Client>(self)->oauth_callable().clear();
  return 0;
}

/// Garbage collection for the Python type of a client that has a method oauth_callable().
template <typename Client>
inline PyType_Slot gc_slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(&visit_oauth_callable<Client>)},
                                 {Py_tp_clear, reinterpret_cast<void*>(&clear_oauth_callable<Client>)},
                                 {0, nullptr}};

/// Fills in the options that producers and consumers share from the arguments of the Python constructor.
template <typename Options>
void read_common_options(Options& options, const nb::dict& arguments, const nb::dict& kafka_config,
                         const std::shared_ptr<OAuthCallable>& callable) {
  const auto text = [&](const char* name) { return optional_text(arguments[name], name); };
  const auto flag = [&](const char* name) { return nb::cast<bool>(arguments[name]); };
  options.bootstrap_servers = text("bootstrap_servers").value_or("");
  options.instance_name = text("instance_name");
  options.service_url = text("service_url");
  options.use_ssl = flag("use_ssl");
  options.ca_cert_path = text("ca_cert_path");
  options.skip_hostname_verification = flag("skip_hostname_verification");
  options.token_scope = text("token_scope").value_or("");
  options.token_audience = text("token_audience");
  options.reload_cred = flag("reload_cred");
  options.reload_buffer = whole_seconds(nb::cast<double>(arguments["reload_buffer"]));
  options.oauth_callback = oauth_callback(callable);
  options.validate_token = flag("validate_token");
  options.check_for_topics = flag("check_for_topics");
  options.kafka_config = kafka_properties(kafka_config);
}

/// Thrown in a construction thread after Ctrl-C.
class ConstructionCancelled {};

/// Keeps a thread that ends within about 2 s. The interpreter joins it at its end.
void join_at_exit(std::jthread thread);

/// Leaves signals to the threads that Python knows.
void block_signals() noexcept;

/// Constructs a client. The constructor may ask a broker for its topics, in which librdkafka cannot be
/// interrupted: so it runs on a separate thread, and after Ctrl-C that thread destroys the client as soon
/// as the request has ended.
template <typename Client, typename Options>
std::unique_ptr<Client> construct_interruptibly(Options options) {
  return without_gil([&] {
    count_all_log_lines_as_own();
    std::promise<std::unique_ptr<Client>> promise;
    auto client = promise.get_future();
    std::jthread thread(
        [options = std::move(options), promise = std::move(promise)](const std::stop_token& stop) mutable {
          block_signals();
          const Interruptible interruptible([&stop] {
            if (stop.stop_requested()) throw ConstructionCancelled();
          });
          try {
            promise.set_value(std::make_unique<Client>(std::move(options)));
          } catch (...) {
            promise.set_exception(std::current_exception());
          }
        });
    try {
      while (client.wait_for(interruption::longest_wait) == std::future_status::timeout)
        interruption::check();
    } catch (...) {
      thread.request_stop();
      join_at_exit(std::move(thread));
      throw;
    }
    return client.get();
  });
}

}  // namespace gracedb::python

#pragma once

#include "gracedb/auth/token.hpp"

#include <nanobind/nanobind.h>

#include <chrono>
#include <memory>
#include <utility>

namespace gracedb::python {

/// A callable as confluent-kafka takes for `oauth_cb`: given a str, it returns a token and its end in Unix
/// time. Shared by a client's background threads and by the Python object of that client, which shows it to
/// the garbage collector: it may refer to the client.
class OAuthCallable {
 public:
  /// None for none.
  /// @throws nanobind::python_error  TypeError
  explicit OAuthCallable(nanobind::handle oauth_cb);
  OAuthCallable(const OAuthCallable&) = delete;
  OAuthCallable& operator=(const OAuthCallable&) = delete;
  ~OAuthCallable();

  /// On any thread.
  /// @throws KafkaTokenError  with what the callable raises
  auth::OAuthToken ask() const;

  /// The Python object, borrowed; null if there is none. With the GIL.
  PyObject* object() const noexcept { return callable_.ptr(); }
  /// Lets go of it. With the GIL.
  void forget() { const nanobind::object gone = std::move(callable_); }

 private:
  nanobind::object callable_;
};

/// Empty if there is no callable, so that tokens are looked for in the usual places.
auth::OAuthCallback callback_of(const std::shared_ptr<OAuthCallable>& callable);

template <typename Client>
int visit_oauth_callable(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (nanobind::inst_ready(self)) Py_VISIT(nanobind::inst_ptr<Client>(self)->oauth_cb().object());
  return 0;
}

template <typename Client>
int clear_oauth_callable(PyObject* self) {
  nanobind::inst_ptr<Client>(self)->oauth_cb().forget();
  return 0;
}

/// For the Python type of a client with a method oauth_cb().
template <typename Client>
inline PyType_Slot slots_for_oauth_callable[] = {
    {Py_tp_traverse, reinterpret_cast<void*>(&visit_oauth_callable<Client>)},
    {Py_tp_clear, reinterpret_cast<void*>(&clear_oauth_callable<Client>)},
    {0, nullptr}};

std::chrono::seconds whole_seconds(double seconds);

void bind_auth(nanobind::module_& module);

}  // namespace gracedb::python

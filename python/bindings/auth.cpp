#include "bindings/auth.hpp"

#include "gracedb/auth/token.hpp"
#include "gracedb/errors.hpp"

#include "bindings/call.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <utility>

namespace gracedb::python {
namespace {

using nb::literals::operator""_a;  // NOLINT(misc-unused-using-decls): as a suffix
using std::chrono::system_clock;

/// A token and its end in Unix time, as confluent-kafka wants them.
using TokenAndEnd = std::pair<std::string, std::int64_t>;

TokenAndEnd token_and_end(const auth::OAuthToken& token) {
  return {token.token,
          std::chrono::duration_cast<std::chrono::seconds>(token.expires.time_since_epoch()).count()};
}

/// Who logs in: the token's own word for it.
std::string principal_of(const std::string& token) {
  const auth::Claims claims = auth::parse_claims(token);
  return claims.subject.value_or(claims.issuer.value_or("unknown"));
}

auth::OAuthToken token_from(const nb::object& answer) {
  const auto token = nb::cast<std::string>(answer[0]);
  const auto expires = nb::cast<double>(answer[1]);
  return {token, system_clock::time_point(std::chrono::milliseconds(std::llround(expires * 1000))),
          principal_of(token)};
}

class PyRefreshManager {
 public:
  PyRefreshManager(const std::string& broker_url, const std::string& scope,
                   const std::optional<std::string>& audience, double refresh_buffer)
      : manager_(broker_url, scope, audience, whole_seconds(refresh_buffer)) {}

  std::string get_token() {
    return waiting([this] { return manager_.get_token(); });
  }
  TokenAndEnd get() {
    return token_and_end(waiting([this] { return manager_.get(); }));
  }

 private:
  auth::SciTokenRefreshManager manager_;
};

}  // namespace

std::chrono::seconds whole_seconds(double seconds) {
  if (!std::isfinite(seconds)) throw std::invalid_argument("a number of seconds must be finite");
  return std::chrono::seconds(std::llround(seconds));
}

OAuthCallable::OAuthCallable(nb::handle oauth_cb) {
  if (oauth_cb.is_none()) return;
  if (PyCallable_Check(oauth_cb.ptr()) == 0) throw nb::type_error("oauth_cb must be callable");
  callable_ = nb::borrow(oauth_cb);
}

OAuthCallable::~OAuthCallable() {
  if (!callable_.is_valid()) return;
  if (const nb::detail::cleanup_guard gil{}) {
    forget();
  } else {
    static_cast<void>(callable_.release());  // the interpreter is gone
  }
}

auth::OAuthToken OAuthCallable::ask() const {
  const nb::gil_scoped_acquire gil;
  if (!gil.is_valid() || !callable_.is_valid())
    throw KafkaTokenError("oauth_cb is gone: its client has ended");
  const nb::object callable = callable_;
  try {
    return in_python([&] { return token_from(callable("")); });
  } catch (const nb::python_error& failure) {
    throw KafkaTokenError("oauth_cb raised " + nb::cast<std::string>(nb::repr(failure.value())));
  } catch (const std::bad_cast&) {
    throw KafkaTokenError("oauth_cb must return a tuple of the token (str) and its end (Unix time)");
  } catch (const std::invalid_argument& fault) {
    throw KafkaTokenError(std::string("oauth_cb returned no token: ") + fault.what());
  }
}

auth::OAuthCallback callback_of(const std::shared_ptr<OAuthCallable>& callable) {
  if (callable->object() == nullptr) return {};
  return [callable] { return callable->ask(); };
}

void bind_auth(nb::module_& module) {
  module.def(
      "get_scitoken_for_kafka",
      [](const std::string& broker_url, const std::string& scope,
         const std::optional<std::string>& audience) {
        return waiting([&] { return auth::get_scitoken_for_kafka(broker_url, scope, audience); });
      },
      "broker_url"_a, "scope"_a, "audience"_a.none());
  module.def(
      "find_oauth_token",
      [](const std::string& broker_url, const std::string& scope,
         const std::optional<std::string>& audience) {
        return token_and_end(
            waiting([&] { return auth::create_oauth_callback(broker_url, scope, audience)(); }));
      },
      "broker_url"_a, "scope"_a, "audience"_a.none());
  nb::class_<PyRefreshManager>(module, "RefreshManager")
      .def(nb::init<const std::string&, const std::string&, const std::optional<std::string>&, double>(),
           "broker_url"_a, "scope"_a, "audience"_a.none(), "refresh_buffer"_a)
      .def("get_token", &PyRefreshManager::get_token)
      .def("get", &PyRefreshManager::get);
}

}  // namespace gracedb::python

#include "bindings/errors.hpp"

#include "bindings/call.hpp"

#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>

#include <exception>

namespace gracedb::python {
namespace {

namespace nb = nanobind;

nb::object failures() { return nb::module_::import_("gracedb_kafka._failures"); }

nb::object kafka_failure(const char* name, const KafkaError& error, bool may_have_arrived = false) {
  return failures().attr("kafka_failure")(name, error.what(), error.code(), error.is_retriable(),
                                          error.is_fatal(), may_have_arrived);
}

nb::object http_failure(const HttpError& error) {
  return failures().attr("http_failure")(error.what(), error.status(), error.reason(), error.headers(),
                                         nb::bytes(error.body().data(), error.body().size()));
}

/// The Python exception for the C++ one; throws that again if it is none of ours.
nb::object translate(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const KafkaMessageDeliveryError& error) {
    return to_python(error);
  } catch (const KafkaProducerError& error) {
    return kafka_failure("KafkaProducerError", error);
  } catch (const KafkaTokenError& error) {
    return kafka_failure("KafkaTokenError", error);
  } catch (const KafkaAuthenticationError& error) {
    return kafka_failure("KafkaAuthenticationError", error);
  } catch (const KafkaConsumerError& error) {
    return kafka_failure("KafkaConsumerError", error);
  } catch (const KafkaConnectionError& error) {
    return kafka_failure("KafkaConnectionError", error);
  } catch (const KafkaError& error) {
    return kafka_failure("KafkaError", error);
  } catch (const HttpError& error) {
    return http_failure(error);
  } catch (const HttpConnectionError& error) {
    return failures().attr("http_connection_failure")(error.what());
  } catch (const CredentialError& error) {
    return failures().attr("credential_failure")(error.what());
  }
}

}  // namespace

nb::object to_python(const KafkaMessageDeliveryError& error) {
  const bool is_topic_error = dynamic_cast<const KafkaTopicError*>(&error) != nullptr;
  return kafka_failure(is_topic_error ? "KafkaTopicError" : "KafkaMessageDeliveryError", error,
                       error.may_have_arrived());
}

void bind_errors(nb::module_&) {
  nb::register_exception_translator([](const std::exception_ptr& exception, void*) {
    in_python([&] {
      const nb::object failure = translate(exception);
      PyErr_SetObject(failure.type().ptr(), failure.ptr());
    });
  });
}

}  // namespace gracedb::python

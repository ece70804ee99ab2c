#include "gracedb/rest/gracedb.hpp"

#include "bindings/convert.hpp"
#include "bindings/producer.hpp"
#include "bindings/runtime.hpp"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gracedb::python {
namespace {

using nb::literals::operator""_a;  // NOLINT(misc-unused-using-decls): as a suffix

/// The GraceDb class of Python. In the child of a fork() it creates a new client, because the connections
/// belong to the parent.
class PyGraceDb {
 public:
  explicit PyGraceDb(rest::GraceDbOptions options) : options_(std::move(options)) { connect(); }

  rest::GraceDb& get() {
    if (client_->is_inherited()) connect();
    return **client_;
  }

  /// Calls the client without the GIL. @return the response as (status, reason, headers, body)
  template <typename Call>
  nb::tuple request(Call&& call) {
    rest::GraceDb& client = get();
    return to_tuple(without_gil([&] { return std::forward<Call>(call)(client); }));
  }

  static nb::tuple to_tuple(const rest::Response& response) {
    return nb::make_tuple(response.status, response.reason, response.headers,
                          nb::bytes(response.body.data(), response.body.size()));
  }

 private:
  void connect() {
    client_ = std::make_unique<ForkGuarded<rest::GraceDb>>(
        without_gil([this] { return std::make_unique<rest::GraceDb>(options_); }));
  }

  const rest::GraceDbOptions options_;
  std::unique_ptr<ForkGuarded<rest::GraceDb>> client_;
};

std::unique_ptr<PyGraceDb> make_client(const nb::dict& arguments) {
  const auto text = [&](const char* name) { return optional_text(arguments[name], name); };
  rest::GraceDbOptions options;
  options.service_url = text("service_url").value_or("");
  options.api_version = text("api_version").value_or(options.api_version);
  if (const auto path = text("certificate")) options.cred = {*path, text("key").value_or(*path)};
  options.force_noauth = nb::cast<bool>(arguments["force_noauth"]);
  options.fail_if_noauth = nb::cast<bool>(arguments["fail_if_noauth"]);
  options.token_audience = text("token_audience");
  options.token_scope = text("token_scope").value_or(options.token_scope);
  options.reload_buffer = whole_seconds(nb::cast<double>(arguments["reload_buffer"]));
  options.ca_cert_path = text("ca_cert_path");
  options.timeout = timeout_from(nb::cast<double>(arguments["timeout"]));
  options.retry.tries = nb::cast<int>(arguments["retries"]);
  options.retry.backoff = timeout_from(nb::cast<double>(arguments["backoff_factor"]));
  options.retry.retry_conflict = nb::cast<bool>(arguments["retry_conflict"]);
  return std::make_unique<PyGraceDb>(std::move(options));
}

nb::object create_event(PyGraceDb& self, const nb::dict& arguments, const nb::bytes& contents,
                        PyProducer* producer) {
  const auto text = [&](const char* name) { return optional_text(arguments[name], name); };
  rest::CreateEventOptions event;
  event.group = text("group").value_or("");
  event.pipeline = text("pipeline").value_or("");
  event.filename = text("filename").value_or("");
  event.search = text("search");
  event.labels = nb::cast<std::vector<std::string>>(arguments["labels"]);
  event.offline = nb::cast<bool>(arguments["offline"]);
  event.contents = std::string_view(contents.c_str(), contents.size());
  event.replay_id = text("replay_id");
  event.kafka = producer != nullptr ? &producer->get() : nullptr;
  event.http_fallback = nb::cast<bool>(arguments["http_fallback"]);
  event.gracedb_upload = nb::cast<bool>(arguments["gracedb_upload"]);
  event.skip_supervisor = nb::cast<bool>(arguments["skip_supervisor"]);
  rest::GraceDb& client = self.get();
  const rest::CreatedEvent created = without_gil([&] { return client.create_event(event); });
  return created.response.status == 0 ? nb::none() : nb::object(PyGraceDb::to_tuple(created.response));
}

nb::tuple upload_reserved_event(PyGraceDb& self, const std::string& graceid, const std::string& filename,
                                const nb::bytes& contents, const std::vector<std::string>& labels,
                                const std::optional<std::string>& kafka_server,
                                const std::optional<std::string>& kafka_topic) {
  const rest::UploadReservedOptions options{.graceid = graceid,
                                            .filename = filename,
                                            .contents = std::string_view(contents.c_str(), contents.size()),
                                            .labels = labels,
                                            .kafka_server = kafka_server,
                                            .kafka_topic = kafka_topic};
  return self.request([&](rest::GraceDb& client) { return client.upload_reserved_event(options); });
}

nb::tuple write_log(PyGraceDb& self, const std::string& graceid, const std::string& message,
                    const std::string& filename, const std::optional<nb::bytes>& contents,
                    const std::vector<std::string>& tag_names, const std::string& label) {
  rest::WriteLogOptions options{
      .filename = filename, .contents = std::nullopt, .tag_names = tag_names, .label = label};
  if (contents) options.contents = std::string_view(contents->c_str(), contents->size());
  return self.request([&](rest::GraceDb& client) { return client.write_log(graceid, message, options); });
}

std::string api_root(PyGraceDb& self) {
  rest::GraceDb& client = self.get();
  return without_gil([&] { return client.api_root().dump(); });
}

}  // namespace

void bind_rest(nb::module_& module) {
  using rest::GraceDb;
  nb::class_<PyGraceDb>(module, "GraceDb")
      .def(nb::new_(&make_client), "arguments"_a)
      .def("create_event", &create_event, "arguments"_a, "contents"_a, "producer"_a.none())
      .def("upload_reserved_event", &upload_reserved_event, "graceid"_a, "filename"_a, "contents"_a,
           "labels"_a, "kafka_server"_a.none(), "kafka_topic"_a.none())
      .def("write_log", &write_log, "graceid"_a, "message"_a, "filename"_a, "contents"_a.none(),
           "tag_names"_a, "label"_a)
      .def("api_root", &api_root)
      .def("ping",
           [](PyGraceDb& self) { return self.request([](GraceDb& client) { return client.ping(); }); })
      .def("user_info",
           [](PyGraceDb& self) { return self.request([](GraceDb& client) { return client.user_info(); }); })
      .def("event",
           [](PyGraceDb& self, const std::string& graceid) {
             return self.request([&](GraceDb& client) { return client.event(graceid); });
           })
      .def("events_page",
           [](PyGraceDb& self, const std::string& query, const std::string& order_by, std::size_t start,
              std::size_t count) {
             return self.request(
                 [&](GraceDb& client) { return client.events_page(query, order_by, start, count); });
           })
      .def("files",
           [](PyGraceDb& self, const std::string& graceid, const std::string& filename) {
             return self.request([&](GraceDb& client) { return client.files(graceid, filename); });
           })
      .def(
          "logs",
          [](PyGraceDb& self, const std::string& graceid, std::optional<int> log_number) {
            return self.request([&](GraceDb& client) { return client.logs(graceid, log_number); });
          },
          "graceid"_a, "log_number"_a.none())
      .def("labels",
           [](PyGraceDb& self, const std::string& graceid, const std::string& label) {
             return self.request([&](GraceDb& client) { return client.labels(graceid, label); });
           })
      .def("write_label",
           [](PyGraceDb& self, const std::string& graceid, const std::string& label) {
             return self.request([&](GraceDb& client) { return client.write_label(graceid, label); });
           })
      .def("remove_label",
           [](PyGraceDb& self, const std::string& graceid, const std::string& label) {
             return self.request([&](GraceDb& client) { return client.remove_label(graceid, label); });
           })
      .def_prop_ro("service_url", [](PyGraceDb& self) { return self.get().service_url(); })
      .def("credential", [](PyGraceDb& self) {
        GraceDb& client = self.get();
        return without_gil([&] { return client.credential(); });
      });
}

}  // namespace gracedb::python

#pragma once

#include "bindings/auth.hpp"
#include "bindings/convert.hpp"

#include <nanobind/nanobind.h>

#include <memory>

namespace gracedb::python {

/// Reads what the options of producers and consumers have in common from the arguments of a constructor in
/// Python.
template <typename Options>
void read_common(Options& options, const nb::dict& arguments, const nb::dict& kafka_config,
                 const std::shared_ptr<OAuthCallable>& oauth_cb) {
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
  options.oauth_callback = callback_of(oauth_cb);
  options.validate_token = flag("validate_token");
  options.check_for_topics = flag("check_for_topics");
  options.kafka_config = properties_from(kafka_config);
}

}  // namespace gracedb::python

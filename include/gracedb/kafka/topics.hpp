#pragma once

#include <string>
#include <string_view>
#include <utility>

/// Topics are namespaced by GraceDB instance, so that several deployments can share a broker:
/// "<instance name>.<pipeline>", e.g. "gracedb-dev.gstlal".
namespace gracedb::kafka {

/// The first component of the host name of a service URL; the whole host name if it has no dot.
/// "https://gracedb-dev.ligo.org/api/" gives "gracedb-dev", "https://localhost:8080/api/" gives "localhost".
/// @throws std::invalid_argument  the URL has no host name
std::string derive_instance_name(std::string_view service_url);

/// ("gracedb-dev", "gstlal") gives "gracedb-dev.gstlal".
std::string make_topic_name(std::string_view instance_name, std::string_view pipeline);

/// "gracedb-dev.gstlal" gives ("gracedb-dev", "gstlal"): splits at the first dot.
/// @throws std::invalid_argument  the topic has no dot
std::pair<std::string, std::string> parse_topic_name(std::string_view namespaced_topic);

/// The topic of an event, without the instance name: "test" for group Test (in any case), else the pipeline in lower
/// case.
std::string topic_of_event(std::string_view group, std::string_view pipeline);

}  // namespace gracedb::kafka

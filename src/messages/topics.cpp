#include "gracedb/kafka/topics.hpp"

#include "core/text.hpp"

#include <stdexcept>

namespace gracedb::kafka {
namespace {

std::string host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  std::string_view authority = url.substr(scheme + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos)
    authority.remove_prefix(at + 1);
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t close = authority.find(']');
    return close == std::string_view::npos ? std::string() : std::string(authority.substr(1, close - 1));
  }
  return std::string(authority.substr(0, authority.find(':')));
}

}  // namespace

std::string derive_instance_name(std::string_view service_url) {
  const std::string host = to_lower(host_of(service_url));
  std::string instance = host.substr(0, host.find('.'));
  if (instance.empty()) {
    throw std::invalid_argument("no host name in service URL '" + std::string(service_url) +
                                "'; give one like https://gracedb-test.ligo.org/api/");
  }
  return instance;
}

std::string make_topic_name(std::string_view instance_name, std::string_view pipeline) {
  std::string topic(instance_name);
  topic += '.';
  topic += pipeline;
  return topic;
}

std::pair<std::string, std::string> parse_topic_name(std::string_view namespaced_topic) {
  const std::size_t dot = namespaced_topic.find('.');
  if (dot == std::string_view::npos) {
    throw std::invalid_argument("topic '" + std::string(namespaced_topic) +
                                "' has no instance name; expected <instance>.<pipeline>");
  }
  return {std::string(namespaced_topic.substr(0, dot)), std::string(namespaced_topic.substr(dot + 1))};
}

std::string topic_of_event(std::string_view group, std::string_view pipeline) {
  return to_lower(group) == "test" ? "test" : to_lower(pipeline);
}

}  // namespace gracedb::kafka

#include "gracedb/rest/gracedb.hpp"

#include "rest/gracedb_impl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>
#include <utility>

namespace gracedb::rest {
namespace {

GraceDbOptions checked(GraceDbOptions options) {
  const std::string& version = options.api_version;
  const bool is_word = !version.empty() && std::all_of(version.begin(), version.end(),
                                                       [](unsigned char c) { return std::isalnum(c) != 0; });
  if (!is_word) {
    throw std::invalid_argument(fmt::format("'{}' is not an API version; give v1, v2 or default", version));
  }
  if (options.retry.tries < 0) throw std::invalid_argument("the number of retries is negative");
  return options;
}

}  // namespace

GraceDb::Impl::Impl(GraceDbOptions options)
    : options_(checked(std::move(options))),
      session_(options_),
      root_(session_, options_.api_version),
      query_root_(session_, "default") {}

Response GraceDb::Impl::request(Method method, std::string_view template_name, Substitutions substitutions) {
  return session_.send({.method = method, .url = root().expand(template_name, substitutions)});
}

void GraceDb::Impl::warm_up() {
  const std::lock_guard lock(mutex_);
  if (!warm_connection_) warm_connection_.emplace(session_, root_, options_.keep_warm);
}

Submitter& GraceDb::Impl::submitter() {
  const std::lock_guard lock(mutex_);
  if (!submitter_) submitter_.emplace(session_);
  return *submitter_;
}

GraceDb::GraceDb(GraceDbOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
GraceDb::~GraceDb() = default;
GraceDb::GraceDb(GraceDb&&) noexcept = default;
GraceDb& GraceDb::operator=(GraceDb&&) noexcept = default;

const nlohmann::json& GraceDb::api_root() { return impl_->root().document(); }

kafka::Producer GraceDb::create_kafka_producer(kafka::ProducerOptions options) const {
  if (!options.service_url && !options.instance_name) options.service_url = service_url();
  impl_->warm_up();
  return kafka::Producer(std::move(options));
}

const std::string& GraceDb::service_url() const noexcept { return impl_->session().service().text; }

std::string GraceDb::credential() const { return impl_->session().credentials().describe(); }

void require_graceid(std::string_view graceid) {
  if (graceid.empty()) throw std::invalid_argument("the graceid is empty");
}

}  // namespace gracedb::rest

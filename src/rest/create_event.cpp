#include "rest/event_file.hpp"
#include "rest/gracedb_impl.hpp"
#include "rest/requests.hpp"
#include "rest/submission.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <utility>

namespace gracedb::rest {

CreatedEvent GraceDb::create_event(const CreateEventOptions& options) {
  check_options(options);
  const ApiRoot& root = impl_->root();
  root.check_event(options);
  return Submission(impl_->session(), root, options).run();
}

std::future<CreatedEvent> GraceDb::submit(CreateEventOptions options) {
  check_options(options);
  const ApiRoot& root = impl_->root();
  root.check_event(options);
  return impl_->submitter().submit(std::make_unique<Submission>(impl_->session(), root, std::move(options)));
}

Response GraceDb::upload_reserved_event(const UploadReservedOptions& options) {
  require_graceid(options.graceid);
  const EventFile file(options.filename, options.contents);
  return impl_->session().send(completion_request(impl_->root(), options, file));
}

nlohmann::json CreatedEvent::json() const { return response.json(); }

}  // namespace gracedb::rest

#include "sandbox/form_check.hpp"

#include "sandbox/catalog.hpp"

#include <nlohmann/json.hpp>

namespace gracedb::sandbox {

void FormCheck::check_choice(const std::string& field, const std::string& value, IsKnown is_known) {
  if (!is_known(value)) add(field + ": '" + value + "' is not one of the available choices.");
}

std::string FormCheck::required(const std::string& field, IsKnown is_known) {
  const auto value = request_.field(field);
  if (value) {
    check_choice(field, *value, is_known);
  } else {
    add(field + ": This field is required.");
  }
  return value.value_or("");
}

std::optional<std::string> FormCheck::optional(const std::string& field, IsKnown is_known) {
  auto value = request_.field(field);
  if (value) check_choice(field, *value, is_known);
  return value;
}

std::vector<std::string> FormCheck::labels() {
  auto labels = request_.fields("labels");
  for (const std::string& label : labels) {
    if (!is_label(label)) add("labels: Label '" + label + "' does not exist.");
    if (is_protected_label(label)) add("labels: Label '" + label + "' cannot be set by hand.");
  }
  return labels;
}

const UploadedFile& FormCheck::file(const std::string& field) {
  static const UploadedFile nothing;
  const auto found = request_.files.find(field);
  if (found != request_.files.end()) return found->second;
  add(field + ": This field is required.");
  return nothing;
}

void FormCheck::finish() const {
  if (!errors_.empty()) throw Refusal(json_answer(400, {{"errors", errors_}}));
}

}  // namespace gracedb::sandbox

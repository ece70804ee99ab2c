#pragma once

#include "sandbox/http.hpp"

namespace gracedb::sandbox {

/// Reads the fields of a form and collects what is wrong with them, so that it is reported all at once.
class FormCheck {
 public:
  using IsKnown = bool (*)(std::string_view);

  explicit FormCheck(const Request& request) : request_(request) {}

  std::string required(const std::string& field, IsKnown is_known);
  std::optional<std::string> optional(const std::string& field, IsKnown is_known);
  /// The field "labels": each must exist and not stand for a signoff.
  std::vector<std::string> labels();
  const UploadedFile& file(const std::string& field);

  void add(std::string error) { errors_.push_back(std::move(error)); }
  /// @throws Refusal  400 with all errors, if there are any
  void finish() const;

 private:
  void check_choice(const std::string& field, const std::string& value, IsKnown is_known);

  const Request& request_;
  std::vector<std::string> errors_;
};

}  // namespace gracedb::sandbox

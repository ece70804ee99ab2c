#pragma once

#include <string>

namespace gracedb::bench {

/// A file as it is on disk.
std::string read_file(const std::string& path);

/// The first 16 bytes of SHA-256 as a UUID.
std::string content_id_of(const std::string& contents);

/// The text of a member of a flat JSON answer.
std::string member(const std::string& json, const std::string& name);

/// An upload message for an event of group CBC, pipeline gstlal, search AllSky.
std::string raw_upload_message(const std::string& service_url, const std::string& graceid,
                               const std::string& submitter, const std::string& file_name,
                               const std::string& content_id, const std::string& contents);

}  // namespace gracedb::bench

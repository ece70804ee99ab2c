#include "gracedb-kafka/event_files.hpp"

#include "gracedb/kafka/upload_message.hpp"

#include "support/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>

namespace gracedb::cli {
namespace {

namespace fs = std::filesystem;
using test_support::TemporaryDirectory;

kafka::Message upload_of(std::optional<std::string> graceid, const std::string& contents,
                         std::int64_t offset = 0) {
  kafka::UploadMessage upload;
  upload.gracedb_server = "https://gracedb-test.ligo.org/api/";
  upload.graceid = std::move(graceid);
  upload.pipeline = "gstlal";
  upload.file_name = "coinc.xml";
  kafka::Message message;
  message.topic = "gracedb-test.gstlal";
  message.offset = offset;
  message.value = kafka::build_upload_message(upload, contents);
  return message;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(SafeComponents, CannotLeaveTheirFolder) {
  EXPECT_EQ(safe_component("coinc.xml"), "coinc.xml");
  EXPECT_EQ(safe_component(".."), "_.");
  EXPECT_EQ(safe_component("."), "_");
  EXPECT_EQ(safe_component(""), "_");
  EXPECT_EQ(safe_component("../../etc/passwd"), "_._.._etc_passwd");
  EXPECT_EQ(safe_component("a b\n\xc3\xa9"), "a_b___");
  EXPECT_EQ(safe_component(std::string(300, 'x')).size(), 200U);
}

TEST(EventFiles, AreSavedUnderTheirGraceid) {
  const TemporaryDirectory folder;
  const auto path = EventFiles(folder.path()).save(upload_of("T0001", std::string("byte\0for byte", 13)));
  ASSERT_EQ(path, folder.path() / "T0001" / "coinc.xml");
  EXPECT_EQ(text_of(*path), std::string("byte\0for byte", 13));
}

TEST(EventFiles, AreSavedUnderTheirPlaceWhereNoGraceidWasReserved) {
  const TemporaryDirectory folder;
  const auto path = EventFiles(folder.path()).save(upload_of(std::nullopt, "text", 7));
  EXPECT_EQ(path, folder.path() / "gracedb-test.gstlal-0-7" / "coinc.xml");
}

TEST(EventFiles, AreNotWrittenTwice) {
  const TemporaryDirectory folder;
  const EventFiles files(folder.path());
  EXPECT_EQ(files.save(upload_of("T0001", "text", 1)), files.save(upload_of("T0001", "text", 2)));
}

TEST(EventFiles, DoNotOverwriteAnother) {
  const TemporaryDirectory folder;
  const EventFiles files(folder.path());
  const auto first = files.save(upload_of("T0001", "first", 1));
  const auto second = files.save(upload_of("T0001", "second", 2));
  EXPECT_EQ(second, folder.path() / "T0001-0-2" / "coinc.xml");
  EXPECT_EQ(text_of(*first), "first");
  EXPECT_EQ(text_of(*second), "second");
}

TEST(EventFiles, StayInTheFolderWhateverTheMessageSays) {
  const TemporaryDirectory folder;
  const fs::path inside = folder.path() / "inside";
  const auto path = EventFiles(inside).save(upload_of("../outside", "text"));
  ASSERT_TRUE(path);
  EXPECT_EQ(path->parent_path().parent_path(), inside);
  EXPECT_FALSE(fs::exists(folder.path() / "outside"));
}

TEST(EventFiles, LeaveNothingHalfWritten) {
  const TemporaryDirectory folder;
  const auto path = EventFiles(folder.path()).save(upload_of("T0001", "text"));
  EXPECT_EQ(std::distance(fs::directory_iterator(path->parent_path()), fs::directory_iterator()), 1);
}

TEST(EventFiles, AreNotMadeOfOtherMessages) {
  const TemporaryDirectory folder;
  kafka::Message message;
  message.value = R"({"type":"ping","timestamp":1,"client":"x"})";
  EXPECT_EQ(EventFiles(folder.path()).save(message), std::nullopt);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(EventFiles, SayWhereTheyCannotBeWritten) {
  const TemporaryDirectory folder;
  folder.write("file", "in the way");
  EXPECT_THROW(EventFiles(folder.path() / "file").save(upload_of("T0001", "text")), std::runtime_error);
}

}  // namespace
}  // namespace gracedb::cli

#include "supervisor/spool.hpp"

#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace gracedb::supervisor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

kafka::Message message(std::string value = "not JSON") {
  kafka::Message made;
  made.topic = "gracedb-test.gstlal";
  made.partition = 3;
  made.offset = 41;
  made.key = "T0001";
  made.value = std::move(value);
  made.timestamp = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'795'316'645'123));
  made.headers = {{"trace", "abc"}, {"trace", "\xff\x01"}};
  return made;
}

const Rejection rejection{Rejection::Kind::schema, "not JSON at all"};

class SpoolTest : public ::testing::Test {
 protected:
  fs::path directory() const { return temporary_.path() / "state" / "spool"; }

  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory()))
      found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  }

  std::string read(const std::string& name) const {
    std::ifstream file(directory() / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  test_support::TemporaryDirectory temporary_;
};

TEST_F(SpoolTest, KeepsTheValueByteForByte) {
  const Spool spool(directory());
  const std::string value("\0\xff\n{", 4);
  spool.set_aside(message(value), rejection);
  EXPECT_THAT(names(), ElementsAre("gracedb-test.gstlal-3-41.json", "gracedb-test.gstlal-3-41.value"));
  EXPECT_EQ(read("gracedb-test.gstlal-3-41.value"), value);
}

TEST_F(SpoolTest, DescribesTheMessageAndTheReason) {
  Spool(directory()).set_aside(message(), rejection);
  const json description = json::parse(read("gracedb-test.gstlal-3-41.json"));
  EXPECT_EQ(description.at("topic"), "gracedb-test.gstlal");
  EXPECT_EQ(description.at("partition"), 3);
  EXPECT_EQ(description.at("offset"), 41);
  EXPECT_EQ(description.at("key"), "T0001");
  EXPECT_EQ(description.at("timestamp_ms"), 1'795'316'645'123);
  EXPECT_EQ(description.at("value_bytes"), 8);
  EXPECT_EQ(description.at("reason"), "schema");
  EXPECT_EQ(description.at("detail"), "not JSON at all");
  EXPECT_EQ(description.at("headers"), json::parse(R"([["trace","abc"],["trace",{"base64":"/wE="}]])"));
}

TEST_F(SpoolTest, LeavesWhatIsAbsentNull) {
  kafka::Message bare = message();
  bare.key.reset();
  bare.timestamp.reset();
  bare.headers.clear();
  Spool(directory()).set_aside(bare, rejection);
  const json description = json::parse(read("gracedb-test.gstlal-3-41.json"));
  EXPECT_TRUE(description.at("key").is_null());
  EXPECT_TRUE(description.at("timestamp_ms").is_null());
  EXPECT_EQ(description.at("headers"), json::array());
}

TEST_F(SpoolTest, HoldsARepeatedMessageOnce) {
  const Spool spool(directory());
  spool.set_aside(message(), rejection);
  const std::string description = read("gracedb-test.gstlal-3-41.json");
  spool.set_aside(message(), {Rejection::Kind::refused, "another reason"});
  EXPECT_EQ(names().size(), 2U);
  EXPECT_EQ(read("gracedb-test.gstlal-3-41.json"), description);
}

TEST_F(SpoolTest, FinishesWhatACrashHasLeftHalfDone) {
  const Spool spool(directory());
  std::ofstream(directory() / "gracedb-test.gstlal-3-41.value") << "half";
  std::ofstream(directory() / ".gracedb-test.gstlal-3-41.json.1") << "draft";
  spool.set_aside(message(), rejection);
  EXPECT_EQ(read("gracedb-test.gstlal-3-41.value"), "not JSON");
  EXPECT_EQ(json::parse(read("gracedb-test.gstlal-3-41.json")).at("offset"), 41);
}

TEST_F(SpoolTest, KeepsAnotherMessageOfTheSamePlaceToo) {
  const Spool spool(directory());
  spool.set_aside(message("before the topic was made anew"), rejection);
  spool.set_aside(message("after"), rejection);
  spool.set_aside(message("after"), rejection);
  EXPECT_THAT(names(), ElementsAre("gracedb-test.gstlal-3-41.2.json", "gracedb-test.gstlal-3-41.2.value",
                                   "gracedb-test.gstlal-3-41.json", "gracedb-test.gstlal-3-41.value"));
  EXPECT_EQ(read("gracedb-test.gstlal-3-41.value"), "before the topic was made anew");
  EXPECT_EQ(read("gracedb-test.gstlal-3-41.2.value"), "after");
}

TEST_F(SpoolTest, IsForItsOwnerAlone) {
  Spool(directory()).set_aside(message(), rejection);
  EXPECT_EQ(fs::status(directory()).permissions(), fs::perms::owner_all);
  for (const auto& entry : fs::directory_iterator(directory())) {
    EXPECT_EQ(entry.status().permissions(), fs::perms::owner_read | fs::perms::owner_write);
  }
}

TEST_F(SpoolTest, LeavesNothingBehindWhenItFails) {
  const Spool spool(directory());
  // A directory under the message's name cannot be replaced by a file, not even by root.
  fs::create_directory(directory() / "gracedb-test.gstlal-3-41.value");
  EXPECT_THROW(spool.set_aside(message(), rejection), SpoolError);
  EXPECT_THAT(names(), ElementsAre("gracedb-test.gstlal-3-41.value"));
  fs::remove(directory() / "gracedb-test.gstlal-3-41.value");
  spool.set_aside(message(), rejection);
  EXPECT_EQ(names().size(), 2U);
}

TEST_F(SpoolTest, SaysWhichDirectoryCannotBeUsed) {
  temporary_.write("state", "a file");
  try {
    const Spool spool(directory());
    FAIL() << "a directory below a file";
  } catch (const SpoolError& error) {
    EXPECT_THAT(error.what(), HasSubstr(directory().native()));
  }
}

TEST_F(SpoolTest, KnowsWhatItHolds) {
  const Spool spool(directory());
  EXPECT_FALSE(spool.holds(message()));
  spool.set_aside(message(), rejection);
  EXPECT_TRUE(spool.holds(message()));
  EXPECT_FALSE(spool.holds(message("another of the same place")));
}

TEST_F(SpoolTest, ShowsEachLetterAsItCame) {
  Spool spool(directory());
  kafka::Message later = message("later");
  later.offset = 100;
  later.key.reset();
  spool.set_aside(later, rejection);
  spool.set_aside(message(std::string("\0\xff", 2)), rejection);
  std::vector<DeadLetter> letters;
  spool.read([&](const DeadLetter& letter) { letters.push_back(letter); });
  ASSERT_EQ(letters.size(), 2U);
  const DeadLetter& first = letters.front();
  EXPECT_EQ(first.id, "gracedb-test.gstlal-3-41");
  EXPECT_EQ(first.reason, "schema");
  EXPECT_EQ(first.detail, "not JSON at all");
  EXPECT_EQ(first.message.value, std::string("\0\xff", 2));
  EXPECT_EQ(first.message.key, "T0001");
  EXPECT_EQ(first.message.headers, message().headers);
  EXPECT_EQ(first.message.timestamp, message().timestamp);
  EXPECT_EQ(letters.back().message.offset, 100);
  EXPECT_FALSE(letters.back().message.key);
}

TEST_F(SpoolTest, RemovesWhatIsDoneWith) {
  Spool spool(directory());
  spool.set_aside(message("kept"), rejection);
  spool.set_aside(message("removed"), rejection);
  spool.read([&](const DeadLetter& letter) {
    if (letter.message.value == "removed") spool.remove(letter);
  });
  EXPECT_THAT(names(), ElementsAre("gracedb-test.gstlal-3-41.json", "gracedb-test.gstlal-3-41.value"));
  EXPECT_EQ(read("gracedb-test.gstlal-3-41.value"), "kept");
}

TEST_F(SpoolTest, NamesADescriptionThatCannotBeRead) {
  Spool spool(directory());
  std::ofstream(directory() / "gracedb-test.gstlal-3-41.json") << "{";
  try {
    spool.read([](const DeadLetter&) {});
    FAIL() << "half a description";
  } catch (const SpoolError& error) {
    EXPECT_THAT(error.what(), HasSubstr("gracedb-test.gstlal-3-41.json"));
  }
}

}  // namespace
}  // namespace gracedb::supervisor

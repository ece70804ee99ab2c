#include "rest/event_request.hpp"

#include "fake_gracedb.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

namespace gracedb::rest {
namespace {

using test_support::message_of;
using test_support::TemporaryDirectory;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(EventFile, IsReadByteForByteUnderItsBaseName) {
  const TemporaryDirectory directory;
  std::string bytes = "line\r\n";
  for (int byte = 0; byte < 256; ++byte) {
    bytes += static_cast<char>(byte);
  }
  const auto path = directory.write("coinc.xml", bytes);
  const EventFile file(path.native(), std::nullopt);
  EXPECT_EQ(file.name(), "coinc.xml");
  EXPECT_EQ(file.contents(), bytes);
}

TEST(EventFile, IsNotReadIfContentsAreGiven) {
  const std::string contents = "<LIGO_LW/>";
  const EventFile file("/no/such/place/coinc.xml", contents);
  EXPECT_EQ(file.name(), "coinc.xml");
  EXPECT_EQ(file.contents().data(), contents.data()) << "the contents are not copied";
}

TEST(EventFile, MayBeAPipe) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const std::string bytes(300'000, 'x');
  std::thread writer([&] { std::ofstream(path) << bytes; });
  const EventFile file(path, std::nullopt);
  writer.join();
  EXPECT_EQ(file.contents(), bytes);
}

TEST(EventFile, NamesPathAndReasonIfUnreadable) {
  const TemporaryDirectory directory;
  EXPECT_THAT(message_of<std::invalid_argument>([] { EventFile("/no/such/file.xml", std::nullopt); }),
              AllOf(HasSubstr("/no/such/file.xml"), HasSubstr("No such file or directory")));
  EXPECT_THAT(message_of<std::invalid_argument>([&] { EventFile(directory.path().native(), std::nullopt); }),
              HasSubstr("Is a directory"));
}

TEST(EventFile, IsRejectedIfEmptyOrWithoutAUsableName) {
  const TemporaryDirectory directory;
  EXPECT_THAT(message_of<std::invalid_argument>(
                  [&] { EventFile(directory.write("empty.xml", "").native(), std::nullopt); }),
              HasSubstr("is empty"));
  for (const char* name : {"", "/", "folder/", "..", "a\r\nX-Evil: 1"}) {
    EXPECT_THROW(EventFile(name, "x"), std::invalid_argument) << name;
  }
}

}  // namespace
}  // namespace gracedb::rest

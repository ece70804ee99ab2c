#include "core/file.hpp"

#include "support/temporary_directory.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>
#include <system_error>

namespace gracedb {
namespace {

using ::testing::HasSubstr;

class File : public ::testing::Test {
 protected:
  test_support::TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_.path() / "file";
};

TEST_F(File, ReadsBackWhatItReplacedAndKeepsTheMode) {
  write_file_atomically(path_, "old", 0600);
  write_file_atomically(path_, std::string("new\0text", 8), 0640, Fsync::yes);
  EXPECT_EQ(read_file(path_), std::string("new\0text", 8));
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
}

TEST_F(File, LeavesNoTemporaryFileBehind) {
  std::filesystem::create_directory(path_);  // a directory cannot be replaced by a file
  EXPECT_THROW(write_file_atomically(path_, "text", 0600), std::system_error);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.path()), {}), 1);
}

TEST_F(File, ErrorNamesThePathAndTheReason) {
  try {
    read_file(path_);
    FAIL() << "read a missing file";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_THAT(error.what(), HasSubstr(path_.string()));
  }
}

TEST_F(File, RejectsMoreThanTheLargestSize) {
  write_file_atomically(path_, "12345", 0600);
  EXPECT_EQ(read_file(path_, 5), "12345");
  try {
    read_file(path_, 4);
    FAIL() << "read too much";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::file_too_large);
  }
}

TEST_F(File, ReadsAPipeToItsEnd) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd reader(ends[0]);
  {
    const UniqueFd writer(ends[1]);
    write_all(writer.get(), "through a pipe", "pipe");
  }
  EXPECT_EQ(read_all(reader.get(), "pipe"), "through a pipe");
}

TEST_F(File, ClosesTheDescriptorOnce) {
  UniqueFd first = open_file(path_, O_WRONLY | O_CREAT, 0600);
  const int number = first.get();
  UniqueFd second = std::move(first);
  EXPECT_EQ(second.get(), number);
  second = UniqueFd();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

}  // namespace
}  // namespace gracedb

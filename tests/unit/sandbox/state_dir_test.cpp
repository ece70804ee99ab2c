#include "sandbox/state_dir.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace gracedb::sandbox {
namespace {

std::string contents_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(StateDir, IsMadeWhereItIsMissingAndStays) {
  const StateDir parent(std::nullopt);
  const auto path = parent.path() / "a" / "b";
  {
    const StateDir state(path);
    EXPECT_FALSE(state.is_temporary());
    write_file_atomically(state.path() / "file", "text", 0600);
  }
  EXPECT_EQ(contents_of(path / "file"), "text");
}

TEST(StateDir, IsRemovedWithItsContentsWhenTemporary) {
  std::filesystem::path path;
  {
    const StateDir state(std::nullopt);
    path = state.path();
    write_file_atomically(path / "file", "text", 0600);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(StateDir, CannotBeAFile) {
  const StateDir parent(std::nullopt);
  write_file_atomically(parent.path() / "file", "text", 0600);
  EXPECT_THROW(StateDir(parent.path() / "file"), std::system_error);
}

TEST(AtomicWrite, ReplacesAFileAndLeavesNothingElse) {
  const StateDir state(std::nullopt);
  const auto path = state.path() / "file";
  write_file_atomically(path, "one", 0600);
  write_file_atomically(path, "two", 0640);
  EXPECT_EQ(contents_of(path), "two");
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0640));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(state.path()), {}), 1);
}

TEST(AtomicWrite, SaysWhereItFails) {
  const StateDir state(std::nullopt);
  try {
    write_file_atomically(state.path() / "missing" / "file", "text", 0600);
    FAIL() << "no error";
  } catch (const std::system_error& error) {
    EXPECT_NE(std::string(error.what()).find("missing"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace gracedb::sandbox

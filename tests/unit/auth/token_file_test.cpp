#include "auth/token_file.hpp"

#include "support/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

namespace gracedb::auth {
namespace {

namespace fs = std::filesystem;
using test_support::TemporaryDirectory;

constexpr std::size_t one_mebibyte = std::size_t{1} << 20;
constexpr uid_t somebody = 54321;

/// Why a file is refused to `user`.
std::string refusal_of(const fs::path& path, uid_t user = ::geteuid()) {
  try {
    read_token_file(path, user);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "read";
}

std::string refusal_of_condor_file(std::string_view text) {
  try {
    token_in_condor_file(text);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "read";
}

/// Lays down the rights of root while it lives; nothing where there are none.
class WithoutRootRights {
 public:
  WithoutRootRights() : changed_(::geteuid() == 0 && ::seteuid(somebody) == 0) {}
  WithoutRootRights(const WithoutRootRights&) = delete;
  WithoutRootRights& operator=(const WithoutRootRights&) = delete;
  ~WithoutRootRights() {
    if (changed_) static_cast<void>(::seteuid(0) == 0);
  }

 private:
  bool changed_;
};

TEST(TokenFile, IsReadWhole) {
  const TemporaryDirectory directory;
  EXPECT_EQ(read_token_file(directory.write("token", "abc\n"), ::geteuid()), "abc\n");
  EXPECT_EQ(read_token_file(directory.write("empty", ""), ::geteuid()), "");
}

TEST(TokenFile, MayHoldUpToOneMebibyte) {
  const TemporaryDirectory directory;
  EXPECT_EQ(read_token_file(directory.write("just", std::string(one_mebibyte, 'x')), ::geteuid()).size(),
            one_mebibyte);
  EXPECT_EQ(refusal_of(directory.write("over", std::string(one_mebibyte + 1, 'x'))), "larger than 1 MiB");
}

TEST(TokenFile, IsRefusedIfAbsent) {
  const TemporaryDirectory directory;
  EXPECT_EQ(refusal_of(directory.path() / "absent"), "No such file or directory");
  EXPECT_EQ(refusal_of(""), "No such file or directory");
}

TEST(TokenFile, IsRefusedIfUnreadable) {
  const TemporaryDirectory directory;
  const fs::path path = directory.write("token", "abc");
  fs::permissions(path, fs::perms::none);
  const WithoutRootRights guard;
  EXPECT_EQ(refusal_of(path), "Permission denied");
}

TEST(TokenFile, OfSomebodyElseIsRefused) {
  const TemporaryDirectory directory;
  const fs::path path = directory.write("token", "abc");
  if (::geteuid() != 0) {
    EXPECT_EQ(refusal_of(path, somebody), "owned by uid " + std::to_string(::geteuid()));
    return;
  }
  if (::chown(path.c_str(), somebody, static_cast<gid_t>(-1)) != 0) GTEST_SKIP() << "this root may not chown";
  EXPECT_EQ(refusal_of(path, 0), "owned by uid 54321");
  EXPECT_EQ(refusal_of(path, 54322), "owned by uid 54321");
  EXPECT_EQ(refusal_of(path, somebody), "read");
}

TEST(TokenFile, OfRootIsReadByAnybody) {
  const TemporaryDirectory directory;
  if (::geteuid() != 0) GTEST_SKIP() << "only root can lay down a file of root";
  EXPECT_EQ(refusal_of(directory.write("token", "abc"), somebody), "read");
}

TEST(TokenFile, MayBeALinkAsKubernetesMakesThem) {
  const TemporaryDirectory directory;
  directory.write("data", "abc");
  fs::create_symlink("data", directory.path() / "token");
  EXPECT_EQ(read_token_file(directory.path() / "token", ::geteuid()), "abc");
}

TEST(TokenFile, BehindALinkMustBelongToTheUserToo) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can lay down a file of somebody else";
  const TemporaryDirectory directory;
  const fs::path path = directory.write("data", "abc");
  if (::chown(path.c_str(), somebody, static_cast<gid_t>(-1)) != 0) GTEST_SKIP() << "this root may not chown";
  fs::create_symlink("data", directory.path() / "token");
  EXPECT_EQ(refusal_of(directory.path() / "token", 0), "owned by uid 54321");
}

TEST(TokenFile, BehindALinkInACircleIsRefused) {
  const TemporaryDirectory directory;
  fs::create_symlink("token", directory.path() / "token");
  EXPECT_EQ(refusal_of(directory.path() / "token"), "Too many levels of symbolic links");
}

TEST(TokenFile, IsRefusedIfItIsADirectoryOrADevice) {
  const TemporaryDirectory directory;
  EXPECT_EQ(refusal_of(directory.path()), "not a regular file");
  EXPECT_EQ(refusal_of("/dev/zero"), "not a regular file");
}

TEST(TokenFile, IsRefusedAtOnceIfItIsAFifo) {
  const TemporaryDirectory directory;
  const fs::path fifo = directory.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(refusal_of(fifo), "not a regular file");
}

TEST(TokenText, IsTrimmed) {
  EXPECT_EQ(trim_token(" \t\r\n\v\fa.b.c\r\n \n"), "a.b.c");
  EXPECT_EQ(trim_token("a.b.c"), "a.b.c");
}

TEST(TokenText, IsRefusedIfNothingIsLeft) {
  EXPECT_THROW(trim_token(""), std::runtime_error);
  EXPECT_THROW(trim_token(" \r\n"), std::runtime_error);
}

TEST(CondorFile, HoldsABareTokenOrJson) {
  EXPECT_EQ(token_in_condor_file("a.b.c\n"), "a.b.c");
  EXPECT_EQ(token_in_condor_file(R"( {"access_token": " a.b.c\n", "expires_in": 1200})"), "a.b.c");
}

TEST(CondorFile, IsRefusedWithoutAToken) {
  EXPECT_EQ(refusal_of_condor_file(" \n"), "empty");
  EXPECT_EQ(refusal_of_condor_file("{\"access_token\": "), "neither a token nor JSON");
  EXPECT_EQ(refusal_of_condor_file("{}"), "JSON without access_token");
  EXPECT_EQ(refusal_of_condor_file(R"({"access_token": 7})"), "JSON without access_token");
  EXPECT_EQ(refusal_of_condor_file(R"({"access_token": ""})"), "empty");
}

}  // namespace
}  // namespace gracedb::auth

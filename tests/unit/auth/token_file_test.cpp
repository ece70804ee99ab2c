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
constexpr uid_t other_user = 54321;

/// Why `user` must not read the file.
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

/// Drops root privileges while it lives; no-op without them.
class WithoutRootRights {
 public:
  WithoutRootRights() : changed_(::geteuid() == 0 && ::seteuid(other_user) == 0) {}
  WithoutRootRights(const WithoutRootRights&) = delete;
  WithoutRootRights& operator=(const WithoutRootRights&) = delete;
  ~WithoutRootRights() {
    if (changed_) static_cast<void>(::seteuid(0) == 0);
  }

 private:
  bool changed_;
};

TEST(TokenFile, IsReadCompletely) {
  const TemporaryDirectory directory;
  EXPECT_EQ(read_token_file(directory.write("token", "abc\n"), ::geteuid()), "abc\n");
  EXPECT_EQ(read_token_file(directory.write("empty", ""), ::geteuid()), "");
}

TEST(TokenFile, MayHaveUpToOneMebibyte) {
  const TemporaryDirectory directory;
  EXPECT_EQ(read_token_file(directory.write("just", std::string(one_mebibyte, 'x')), ::geteuid()).size(),
            one_mebibyte);
  EXPECT_EQ(refusal_of(directory.write("over", std::string(one_mebibyte + 1, 'x'))), "larger than 1 MiB");
}

TEST(TokenFile, IsRejectedIfAbsent) {
  const TemporaryDirectory directory;
  EXPECT_EQ(refusal_of(directory.path() / "absent"), "No such file or directory");
  EXPECT_EQ(refusal_of(""), "No such file or directory");
}

TEST(TokenFile, IsRejectedIfUnreadable) {
  const TemporaryDirectory directory;
  const fs::path path = directory.write("token", "abc");
  fs::permissions(path, fs::perms::none);
  const WithoutRootRights guard;
  EXPECT_EQ(refusal_of(path), "Permission denied");
}

TEST(TokenFile, IsRejectedIfAnotherUserOwnsIt) {
  const TemporaryDirectory directory;
  const fs::path path = directory.write("token", "abc");
  if (::geteuid() != 0) {
    EXPECT_EQ(refusal_of(path, other_user), "owned by uid " + std::to_string(::geteuid()));
    return;
  }
  if (::chown(path.c_str(), other_user, static_cast<gid_t>(-1)) != 0)
    GTEST_SKIP() << "chown is not permitted";
  EXPECT_EQ(refusal_of(path, 0), "owned by uid 54321");
  EXPECT_EQ(refusal_of(path, 54322), "owned by uid 54321");
  EXPECT_EQ(refusal_of(path, other_user), "read");
}

TEST(TokenFile, IsReadForEveryUserIfRootOwnsIt) {
  const TemporaryDirectory directory;
  if (::geteuid() != 0) GTEST_SKIP() << "only root can create a file of root";
  EXPECT_EQ(refusal_of(directory.write("token", "abc"), other_user), "read");
}

TEST(TokenFile, MayBeALinkAsInKubernetes) {
  const TemporaryDirectory directory;
  directory.write("data", "abc");
  fs::create_symlink("data", directory.path() / "token");
  EXPECT_EQ(read_token_file(directory.path() / "token", ::geteuid()), "abc");
}

TEST(TokenFile, IsRejectedBehindALinkIfAnotherUserOwnsIt) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can create a file of another user";
  const TemporaryDirectory directory;
  const fs::path path = directory.write("data", "abc");
  if (::chown(path.c_str(), other_user, static_cast<gid_t>(-1)) != 0)
    GTEST_SKIP() << "chown is not permitted";
  fs::create_symlink("data", directory.path() / "token");
  EXPECT_EQ(refusal_of(directory.path() / "token", 0), "owned by uid 54321");
}

TEST(TokenFile, IsRejectedIfALinkPointsToItself) {
  const TemporaryDirectory directory;
  fs::create_symlink("token", directory.path() / "token");
  EXPECT_EQ(refusal_of(directory.path() / "token"), "Too many levels of symbolic links");
}

TEST(TokenFile, IsRejectedIfItIsADirectoryOrADevice) {
  const TemporaryDirectory directory;
  EXPECT_EQ(refusal_of(directory.path()), "not a regular file");
  EXPECT_EQ(refusal_of("/dev/zero"), "not a regular file");
}

TEST(TokenFile, IsRejectedWithoutBlockingIfItIsAFifo) {
  const TemporaryDirectory directory;
  const fs::path fifo = directory.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(refusal_of(fifo), "not a regular file");
}

TEST(TokenText, IsTrimmed) {
  EXPECT_EQ(trim_token(" \t\r\n\v\fa.b.c\r\n \n"), "a.b.c");
  EXPECT_EQ(trim_token("a.b.c"), "a.b.c");
}

TEST(TokenText, IsRejectedIfBlank) {
  EXPECT_THROW(trim_token(""), std::runtime_error);
  EXPECT_THROW(trim_token(" \r\n"), std::runtime_error);
}

TEST(CondorFile, MayHoldABareTokenOrJson) {
  EXPECT_EQ(token_in_condor_file("a.b.c\n"), "a.b.c");
  EXPECT_EQ(token_in_condor_file(R"( {"access_token": " a.b.c\n", "expires_in": 1200})"), "a.b.c");
}

TEST(CondorFile, IsRejectedWithoutAToken) {
  EXPECT_EQ(refusal_of_condor_file(" \n"), "empty");
  EXPECT_EQ(refusal_of_condor_file("{\"access_token\": "), "neither a token nor JSON");
  EXPECT_EQ(refusal_of_condor_file("{}"), "JSON without access_token");
  EXPECT_EQ(refusal_of_condor_file(R"({"access_token": 7})"), "JSON without access_token");
  EXPECT_EQ(refusal_of_condor_file(R"({"access_token": ""})"), "empty");
}

TEST(CondorFile, IsRejectedIfNestedDeeply) {
  EXPECT_EQ(refusal_of_condor_file(R"({"access_token": )" + std::string(500'000, '[')),
            "neither a token nor JSON");
}

}  // namespace
}  // namespace gracedb::auth

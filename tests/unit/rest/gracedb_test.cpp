#include "gracedb/rest/gracedb.hpp"

#include "fake_gracedb.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gracedb::rest {
namespace {

using test_support::anonymous;
using test_support::FakeGraceDb;
using test_support::message_of;
using ::testing::HasSubstr;

TEST(GraceDb, DoesNotConnectWhenMade) {
  const GraceDb client(anonymous("http://127.0.0.1:1/api"));
  EXPECT_EQ(client.service_url(), "http://127.0.0.1:1/api/");
  EXPECT_EQ(client.credential(), "none");
}

TEST(GraceDb, RefusesWhatIsNoServiceUrl) {
  EXPECT_THAT(message_of<std::invalid_argument>([] { GraceDb client(anonymous("gracedb.ligo.org/api/")); }),
              HasSubstr("give one like https://gracedb-test.ligo.org/api/"));
}

TEST(GraceDb, RefusesWhatIsNoVersion) {
  for (const char* version : {"", "v2/", "../v1"}) {
    GraceDbOptions options = anonymous("http://127.0.0.1:1/api/");
    options.api_version = version;
    EXPECT_THROW(GraceDb client(options), std::invalid_argument) << version;
  }
}

TEST(GraceDb, ShowsItsApiRoot) {
  const FakeGraceDb server;
  GraceDb client(anonymous(server.service_url()));
  EXPECT_EQ(client.api_root().at("server-version"), "2.36.0");
  EXPECT_EQ(client.api_root().at("links").at("self"), server.service_url() + "v2/");
}

TEST(GraceDb, WorksWithTheServersOwnVersion) {
  const FakeGraceDb server;
  GraceDbOptions options = anonymous(server.service_url());
  options.api_version = "default";
  GraceDb client(options);
  EXPECT_EQ(client.api_root().at("links").at("self"), server.service_url());
}

TEST(GraceDb, CanBeMoved) {
  const FakeGraceDb server;
  GraceDb client(anonymous(server.service_url()));
  client.api_root();
  GraceDb moved(std::move(client));
  EXPECT_EQ(moved.ping().status, 200);
  EXPECT_EQ(server.all_requests().size(), 2U);
}

TEST(GraceDbResponse, IsNullWithoutABodyAndThrowsWithoutJson) {
  EXPECT_EQ((Response{.status = 204, .reason = {}, .headers = {}, .body = {}}).json(), nullptr);
  EXPECT_EQ((Response{.status = 200, .reason = {}, .headers = {}, .body = R"({"a": 1})"}).json().at("a"), 1);
  EXPECT_THAT(message_of<std::invalid_argument>([] {
                (void)Response{.status = 200, .reason = "OK", .headers = {}, .body = "<html>"}.json();
              }),
              HasSubstr("not JSON"));
}

}  // namespace
}  // namespace gracedb::rest

#include "kafka/librdkafka.hpp"

#include "support/fake_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gracedb::kafka {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ErrorText, HasTheReasonAndARemedy) {
  const std::string text = error_text("localhost:9092", RD_KAFKA_RESP_ERR__RESOLVE, "no such host");
  EXPECT_THAT(text, HasSubstr("localhost:9092: "));
  EXPECT_THAT(text, HasSubstr("no such host"));
  EXPECT_THAT(text, HasSubstr("Check the host names"));
}

TEST(ErrorText, NamesTheCommandForANewToken) {
  EXPECT_THAT(error_text("x", RD_KAFKA_RESP_ERR__AUTHENTICATION),
              HasSubstr("htgettoken -a vault.ligo.org -i igwn"));
}

TEST(ErrorText, HoldsNoToken) {
  const std::string token = test_support::fake_token({{"sub", "me"}});
  EXPECT_THAT(error_text("x", RD_KAFKA_RESP_ERR__FAIL, "refused " + token), Not(HasSubstr(token)));
}

}  // namespace
}  // namespace gracedb::kafka

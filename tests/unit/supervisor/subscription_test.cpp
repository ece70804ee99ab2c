#include "supervisor/subscription.hpp"

#include <gtest/gtest.h>

namespace gracedb::supervisor {
namespace {

TEST(Subscription, LeavesTheAlertsOfGraceDbAlone) {
  for (const char* topic : {"cbc_gstlal", "cbc_gstlal_allsky", "burst_cwb", "test_pycbc",
                            "external_fermi_grb", "superevent", "mdc_superevent", "test_superevent"}) {
    EXPECT_TRUE(is_alert_topic(topic)) << topic;
  }
}

TEST(Subscription, TakesThePipelines) {
  for (const char* topic :
       {"test", "gstlal", "cwb2g", "mbtaonline", "hardwareinjection", "new_pipeline", "cbc"}) {
    EXPECT_FALSE(is_alert_topic(topic)) << topic;
  }
}

}  // namespace
}  // namespace gracedb::supervisor

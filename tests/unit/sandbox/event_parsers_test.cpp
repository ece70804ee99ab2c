#include "sandbox/event_parsers.hpp"

#include "unit/sandbox/sample_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <zlib.h>

#include <array>

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

json attributes_of(const EventFacts& facts) { return json::parse(facts.extra_attributes); }

std::string gzipped(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  std::string input = text;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string reason_of(std::string_view pipeline, const std::string& contents) {
  try {
    parse_event_file(pipeline, contents);
  } catch (const UnreadableEventFile& error) {
    return error.what();
  }
  return {};
}

TEST(CoincFile, GivesTheFactsOfTheEvent) {
  const EventFacts facts = parse_event_file("gstlal", samples::coinc);
  EXPECT_DOUBLE_EQ(facts.gpstime.value(), 1187008882.443000123);
  EXPECT_EQ(facts.far, 1.5e-12);
  EXPECT_EQ(facts.instruments, "H1,L1");
  EXPECT_EQ(facts.nevents, 2);
  EXPECT_EQ(facts.likelihood, 31.5);
  const json coinc = attributes_of(facts)["CoincInspiral"];
  EXPECT_EQ(coinc["snr"], 32.4);
  EXPECT_EQ(coinc["mass"], 2.74);
  EXPECT_EQ(coinc["mchirp"], 1.188);
  EXPECT_EQ(coinc["end_time_ns"], 443000123);
}

TEST(CoincFile, ShowsEmptyAndMissingCellsAsNull) {
  const json attributes = attributes_of(parse_event_file("spiir", samples::coinc));
  EXPECT_TRUE(attributes["CoincInspiral"]["false_alarm_rate"].is_null());
  EXPECT_TRUE(attributes["CoincInspiral"]["minimum_duration"].is_null());
  const json& singles = attributes["SingleInspiral"];
  ASSERT_EQ(singles.size(), 2U);
  EXPECT_EQ(singles[0]["ifo"], "H1");
  EXPECT_EQ(singles[0]["snr"], 18.25);
  EXPECT_TRUE(singles[1]["snr"].is_null());
  EXPECT_TRUE(singles[0]["mass1"].is_null());
}

TEST(CoincFile, AcceptsDelimitersAndQuotesInStrings) {
  const json singles = attributes_of(parse_event_file("gstlal", samples::coinc))["SingleInspiral"];
  EXPECT_EQ(singles[0]["channel"], "GDS-CALIB, \"clean\"");
  EXPECT_EQ(singles[1]["channel"], "");
}

TEST(CoincFile, AcceptsBareColumnNamesIntegerIdsAndNestedTables) {
  const EventFacts facts = parse_event_file("pycbc", samples::coinc_with_integer_ids);
  EXPECT_EQ(facts.gpstime, 971609248);
  EXPECT_EQ(facts.instruments, "V1");
  EXPECT_TRUE(attributes_of(facts)["CoincInspiral"]["snr"].is_null()) << "NaN";
}

TEST(CoincFile, AcceptsGzip) { EXPECT_EQ(parse_event_file("MBTA", gzipped(samples::coinc)).nevents, 2); }

TEST(CoincFile, ReportsWhyItIsUnreadable) {
  EXPECT_THAT(reason_of("gstlal", "no xml at all"), testing::HasSubstr("not XML"));
  EXPECT_THAT(reason_of("gstlal", "<LIGO_LW/>"), testing::HasSubstr("coinc_inspiral"));
  EXPECT_THAT(reason_of("gstlal", gzipped(samples::coinc).substr(0, 100)), testing::HasSubstr("cut off"));
  std::string short_row = samples::coinc;
  short_row.replace(short_row.find(",2,31.5"), 7, ",2,31.5,4");
  EXPECT_THAT(reason_of("gstlal", short_row), testing::HasSubstr("coinc_event"));
}

TEST(CwbFile, GivesTheFactsOfTheEvent) {
  const EventFacts facts = parse_event_file("CWB", samples::cwb);
  EXPECT_EQ(facts.gpstime, 1126259462.5);
  EXPECT_EQ(facts.far, 0.00019265) << "of the last day, not of the last job";
  EXPECT_EQ(facts.instruments, "H1,L1");
  EXPECT_EQ(facts.likelihood, 64);
  EXPECT_EQ(facts.nevents, 1);
  const json burst = attributes_of(facts)["MultiBurst"];
  EXPECT_EQ(burst["amplitude"], 5.25);
  EXPECT_EQ(burst["snr"], 8);
  EXPECT_EQ(burst["central_freq"], 150.5);
  EXPECT_EQ(burst["ligo_axis_ra"], 201.25);
  EXPECT_EQ(burst["ligo_axis_dec"], -69.5);
  EXPECT_EQ(burst["start_time"], 1126259462);
  EXPECT_EQ(burst["start_time_ns"], 250000000);
}

TEST(CwbFile, PrefersEventTimeAndFar) {
  const EventFacts facts = parse_event_file("CWB2G", "event_time: 1000.5\nfar: 1e-3\n" + samples::cwb);
  EXPECT_EQ(facts.gpstime, 1000.5);
  EXPECT_EQ(facts.far, 1e-3);
}

TEST(CwbFile, PrefersTheRateOfTheLastWeek) {
  const EventFacts facts =
      parse_event_file("CWB", samples::cwb + "#significance based on the last week\n1 2e-5 1 2 3\n");
  EXPECT_EQ(facts.far, 2e-5);
}

TEST(CwbFile, ReportsAMissingTime) { EXPECT_THAT(reason_of("CWB", "rho: 5\n"), testing::HasSubstr("time")); }

TEST(JsonFile, GivesTheFactsOfTheEvent) {
  const EventFacts facts = parse_event_file("aframe", samples::aframe);
  EXPECT_EQ(facts.gpstime, 1187008882.4);
  EXPECT_EQ(facts.far, 1e-9);
  EXPECT_EQ(facts.instruments, "H1,L1");
  EXPECT_EQ(attributes_of(facts)["MLyBurst"]["detection_statistic"], 12.5);
}

TEST(JsonFile, AcceptsCapitalFarOfOlib) {
  const EventFacts facts =
      parse_event_file("oLIB", R"({"gpstime": "1000.25", "FAR": 2e-7, "instruments": "H1,L1"})");
  EXPECT_EQ(facts.gpstime, 1000.25);
  EXPECT_EQ(facts.far, 2e-7);
  EXPECT_TRUE(attributes_of(facts).contains("LalInferenceBurst"));
}

TEST(JsonFile, ReportsWhyItIsUnreadable) {
  EXPECT_THAT(reason_of("MLy", "[1, 2]"), testing::HasSubstr("JSON object"));
  EXPECT_THAT(reason_of("MLy", "{}"), testing::HasSubstr("gpstime"));
}

TEST(ExternalFile, AcceptsAVoEventAndANotice) {
  const std::string voevent =
      R"(<voe:VOEvent ivorn="ivo://x" xmlns:voe="v"><What><Param name="TrigID" value="42"/></What>
    <WhereWhen><ISOTime>2017-08-17T12:41:06.5</ISOTime><Position2D><Value2><C1>345.99</C1><C2>-67.5</C2></Value2>
    <Error2Radius>8.5</Error2Radius></Position2D></WhereWhen></voe:VOEvent>)";
  const EventFacts facts = parse_event_file("Fermi", voevent);
  EXPECT_EQ(facts.gpstime, 1187008884.5);
  EXPECT_EQ(attributes_of(facts)["GRB"]["ra"], 345.99);
  EXPECT_EQ(attributes_of(facts)["GRB"]["trigger_id"], "42");
  const EventFacts notice = parse_event_file(
      "SVOM",
      R"({"trigger_time": "2017-08-17T12:41:06.5Z", "ra": 1.5, "dec": 2, "id": ["a1"], "far": 1e-4})");
  EXPECT_EQ(notice.gpstime, 1187008884.5);
  EXPECT_EQ(notice.far, 1e-4);
  EXPECT_EQ(attributes_of(notice)["GRB"]["trigger_id"], "a1");
}

TEST(EventFile, GivesNoFactsForAnUnknownFormat) {
  const EventFacts facts = parse_event_file("Omega", "anything");
  EXPECT_FALSE(facts.gpstime);
  EXPECT_EQ(facts.extra_attributes, "{}");
}

}  // namespace
}  // namespace gracedb::sandbox

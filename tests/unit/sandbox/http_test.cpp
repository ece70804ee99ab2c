#include "sandbox/http.hpp"

#include <gtest/gtest.h>

namespace gracedb::sandbox {
namespace {

using Segments = std::vector<std::string>;

TEST(Path, IsDecodedSegmentBySegment) {
  EXPECT_EQ(parse_path("/api/v2/events/T0001/files/a%20b%2Fc.xml,0"),
            (Segments{"api", "v2", "events", "T0001", "files", "a b/c.xml,0"}));
}

TEST(Path, IsTheSameWithATrailingSlash) { EXPECT_EQ(parse_path("/api//events/"), parse_path("/api/events")); }

TEST(PercentDecoding, LeavesWhatIsNoEscape) {
  EXPECT_EQ(percent_decode("100%", false), "100%");
  EXPECT_EQ(percent_decode("%4", false), "%4");
  EXPECT_EQ(percent_decode("%zz%41", false), "%zzA");
  EXPECT_EQ(percent_decode("a+b", false), "a+b");
}

TEST(PercentEncoding, IsUndoneByDecoding) {
  const std::string text = "group: Test & label: ~\"x\" 100% \xc3\xa9";
  EXPECT_EQ(percent_decode(percent_encode(text), true), text);
  EXPECT_EQ(percent_encode("coinc.xml,0", ","), "coinc.xml,0");
}

TEST(Form, KeepsRepeatedFieldsInOrder) {
  Request request;
  request.form = parse_form("tagname=a&comment=two+words&tagname=b&empty=&flag");
  EXPECT_EQ(request.fields("tagname"), (Segments{"a", "b"}));
  EXPECT_EQ(request.field("comment"), "two words");
  EXPECT_FALSE(request.field("empty"));
  EXPECT_FALSE(request.field("flag"));
}

}  // namespace
}  // namespace gracedb::sandbox

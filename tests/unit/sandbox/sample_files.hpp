#pragma once

#include <string>

/// Small event files of the tests' own.
namespace gracedb::sandbox::samples {

/// Columns with their table's name before them, ids in quotes, and a delimiter after the last cell of a row.
inline const std::string coinc = R"xml(<?xml version='1.0' encoding='utf-8'?>
<!DOCTYPE LIGO_LW SYSTEM "http://ldas-sw.ligo.caltech.edu/doc/ligolwAPI/html/ligolw_dtd.txt">
<LIGO_LW>
  <Table Name="sngl_inspiral:table">
    <Column Type="ilwd:char" Name="sngl_inspiral:event_id"/>
    <Column Type="lstring" Name="sngl_inspiral:ifo"/>
    <Column Type="int_4s" Name="sngl_inspiral:end_time"/>
    <Column Type="real_4" Name="sngl_inspiral:snr"/>
    <Column Type="lstring" Name="sngl_inspiral:channel"/>
    <Stream Delimiter="," Type="Local" Name="sngl_inspiral:table">
      "sngl_inspiral:event_id:1","H1",1187008882,18.25,"GDS-CALIB, \"clean\"",
      "sngl_inspiral:event_id:2","L1",1187008882,,""
    </Stream>
  </Table>
  <Table Name="coinc_event:table">
    <Column Type="ilwd:char" Name="coinc_event:coinc_event_id"/>
    <Column Type="int_4u" Name="coinc_event:nevents"/>
    <Column Type="real_8" Name="coinc_event:likelihood"/>
    <Stream Delimiter="," Type="Local" Name="coinc_event:table">
      "coinc_event:coinc_event_id:1",2,31.5
    </Stream>
  </Table>
  <Table Name="coinc_inspiral:table">
    <Column Type="ilwd:char" Name="coinc_inspiral:coinc_event_id"/>
    <Column Type="lstring" Name="coinc_inspiral:ifos"/>
    <Column Type="int_4s" Name="coinc_inspiral:end_time"/>
    <Column Type="int_4s" Name="coinc_inspiral:end_time_ns"/>
    <Column Type="real_8" Name="coinc_inspiral:mass"/>
    <Column Type="real_8" Name="coinc_inspiral:mchirp"/>
    <Column Type="real_8" Name="coinc_inspiral:snr"/>
    <Column Type="real_8" Name="coinc_inspiral:combined_far"/>
    <Column Type="real_8" Name="coinc_inspiral:false_alarm_rate"/>
    <Stream Delimiter="," Type="Local" Name="coinc_inspiral:table">
      "coinc_event:coinc_event_id:1","H1,L1",1187008882,443000123,2.74,1.188,32.4,1.5e-12,
    </Stream>
  </Table>
</LIGO_LW>
)xml";

/// Bare column names, integer ids.
inline const std::string coinc_with_integer_ids = R"xml(<LIGO_LW><LIGO_LW>
<Table Name="coinc_inspiral:table">
  <Column Type="int_8s" Name="coinc_event:coinc_event_id"/><Column Type="real_8" Name="snr"/>
  <Column Type="int_4s" Name="end_time"/><Column Type="lstring" Name="ifos"/>
  <Stream Delimiter="|" Type="Local" Name="coinc_inspiral:table">16438|nan|971609248|"V1"</Stream>
</Table></LIGO_LW></LIGO_LW>)xml";

inline const std::string cwb = R"(nevent:     1
rho:        5.25
likelihood: 64.0
ifo:        L1 H1
rho:        5.25 4.5
start:      1126259462.2500 1126259462.2500
time:       1126259462.5000 1126259462.4930
phi:        355.5 0.0 201.25 355.5
theta:      20.5 0.0 -69.5 20.5
duration:   0.125 0.125
frequency:  150.5 150.5
#significance based on the last processed job (typical job is 10 minutes)
26 0.5 1100329040 1100329640 600
#significance based on the last day jobs
3329 0.00019265 1100243240 1100329640 86400
)";

inline const std::string aframe = R"({"gpstime": 1187008882.4, "far": 1e-9, "ifos": ["H1", "L1"],
"detection_statistic": 12.5})";

}  // namespace gracedb::sandbox::samples

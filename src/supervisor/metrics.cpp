#include "supervisor/metrics.hpp"

#include "supervisor/rejection.hpp"

#include <curl/curl.h>
#include <librdkafka/rdkafka.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>
#include <string>

namespace gracedb::supervisor {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

/// From a sandbox's answer to one that the upload's time limit cuts off.
const Histogram::BucketBoundaries upload_buckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                 0.25,  0.5,    1,     2.5,  5,     10,   30};
/// From milliseconds to an outage of a day.
const Histogram::BucketBoundaries latency_buckets{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,  1,     2.5,
                                                  5,     10,   30,    60,   300, 900,  3600, 21600, 86400};

double to_seconds(std::chrono::duration<double> duration) { return duration.count(); }

}  // namespace

class Metrics::Impl {
 public:
  Impl() {
    for (const Rejection::Kind kind : all_rejections)
      dead_letters_.Add({{"reason", std::string(name_of(kind))}});
    BuildGauge()
        .Name("gracedb_supervisor_build_info")
        .Help("1, with the versions in use as labels")
        .Register(registry_)
        .Add({{"version", GRACEDB_KAFKA_VERSION},
              {"librdkafka", rd_kafka_version_str()},
              {"libcurl", curl_version_info(CURLVERSION_NOW)->version}})
        .Set(1);
  }

  void count(const EventRecord& record) {
    messages_.Add({{"topic", record.topic}, {"outcome", std::string(name_of(record.outcome))}}).Increment();
    if (record.rejection)
      dead_letters_.Add({{"reason", std::string(name_of(*record.rejection))}}).Increment();
    // A duplicate had been completed before; its latency is not what its age is now.
    if (record.latency && record.outcome == Outcome::uploaded) latency_.Observe(to_seconds(*record.latency));
  }

  void set_in_flight(std::size_t messages, std::size_t bytes) noexcept {
    in_flight_.Set(static_cast<double>(messages));
    in_flight_bytes_.Set(static_cast<double>(bytes));
  }

  void set_lag(const std::vector<PartitionLag>& lag) {
    const std::lock_guard lock(mutex_);
    std::map<Partition, Gauge*> former;
    former.swap(lag_gauges_);
    for (const PartitionLag& each : lag) {
      Gauge& gauge =
          lag_.Add({{"topic", each.partition.topic}, {"partition", std::to_string(each.partition.number)}});
      gauge.Set(static_cast<double>(each.messages));
      lag_gauges_[each.partition] = &gauge;
      former.erase(each.partition);
    }
    for (const auto& [partition, gauge] : former)
      lag_.Remove(gauge);
  }

  void observe_upload(std::chrono::steady_clock::duration duration) {
    uploads_.Observe(to_seconds(duration));
  }

  void count_retry(std::string_view cause) { retries_.Add({{"reason", std::string(cause)}}).Increment(); }

  void set_token_expiry(std::optional<std::chrono::system_clock::time_point> expiry) {
    const std::lock_guard lock(mutex_);
    if (expiry) {
      if (token_gauge_ == nullptr) token_gauge_ = &token_expiry_.Add({});
      token_gauge_->Set(to_seconds(expiry->time_since_epoch()));
    } else if (token_gauge_ != nullptr) {
      token_expiry_.Remove(token_gauge_);
      token_gauge_ = nullptr;
    }
  }

  std::string text() const { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

 private:
  prometheus::Registry registry_;
  Family<Counter>& messages_ = BuildCounter()
                                   .Name("gracedb_supervisor_messages_total")
                                   .Help("Messages settled, by what has become of them")
                                   .Register(registry_);
  Histogram& uploads_ = BuildHistogram()
                            .Name("gracedb_supervisor_upload_duration_seconds")
                            .Help("From sending an upload to GraceDB's answer, or to giving that try up")
                            .Register(registry_)
                            .Add({}, upload_buckets);
  Histogram& latency_ = BuildHistogram()
                            .Name("gracedb_supervisor_event_latency_seconds")
                            .Help("From the producer's timestamp to the complete event in GraceDB")
                            .Register(registry_)
                            .Add({}, latency_buckets);
  Family<Gauge>& lag_ = BuildGauge()
                            .Name("gracedb_supervisor_consumer_lag")
                            .Help("Messages of a partition that are not settled yet")
                            .Register(registry_);
  Gauge& in_flight_ = BuildGauge()
                          .Name("gracedb_supervisor_in_flight")
                          .Help("Messages that are being uploaded")
                          .Register(registry_)
                          .Add({});
  Gauge& in_flight_bytes_ = BuildGauge()
                                .Name("gracedb_supervisor_in_flight_bytes")
                                .Help("Memory that they take")
                                .Register(registry_)
                                .Add({});
  Family<Counter>& retries_ = BuildCounter()
                                  .Name("gracedb_supervisor_retries_total")
                                  .Help("Tries of an upload that have to be repeated, by why")
                                  .Register(registry_);
  Family<Counter>& dead_letters_ = BuildCounter()
                                       .Name("gracedb_supervisor_dead_letters_total")
                                       .Help("Messages set aside, by why")
                                       .Register(registry_);
  Family<Gauge>& token_expiry_ = BuildGauge()
                                     .Name("gracedb_supervisor_token_expiry_timestamp_seconds")
                                     .Help("When the token for GraceDB ends, in Unix time")
                                     .Register(registry_);

  std::mutex mutex_;
  std::map<Partition, Gauge*> lag_gauges_;
  Gauge* token_gauge_ = nullptr;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;
void Metrics::count(const EventRecord& record) { impl_->count(record); }
void Metrics::set_in_flight(std::size_t messages, std::size_t bytes) noexcept {
  impl_->set_in_flight(messages, bytes);
}
void Metrics::set_lag(const std::vector<PartitionLag>& lag) { impl_->set_lag(lag); }
void Metrics::observe_upload(std::chrono::steady_clock::duration duration) {
  impl_->observe_upload(duration);
}
void Metrics::count_retry(std::string_view cause) { impl_->count_retry(cause); }
void Metrics::set_token_expiry(std::optional<std::chrono::system_clock::time_point> expiry) {
  impl_->set_token_expiry(expiry);
}
std::string Metrics::text() const { return impl_->text(); }

}  // namespace gracedb::supervisor

#pragma once

#include "gracedb/errors.hpp"
#include "gracedb/kafka/producer.hpp"
#include "gracedb/rest/response.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gracedb::rest {

/// An X.509 credential in PEM files.
struct Certificate {
  std::string certificate_path{};
  /// The same file for a proxy.
  std::string key_path{};
};

/// Retries cover 408, 409, 502 and 504; 503 and 429 with Retry-After; and connection failures before anything
/// was sent. Waits use exponential backoff with full jitter.
struct RetryPolicy {
  /// Retries after the first attempt; 0 disables them. Default: 5.
  int tries = 5;

  /// Upper bound of the first wait; it doubles with each retry. Default: 100 ms.
  std::chrono::milliseconds backoff{100};

  /// Longest single wait. A longer Retry-After is an error at once. Default: 30 s.
  std::chrono::milliseconds longest_wait{30'000};

  /// No retry starts later than this after the first attempt. Default: 90 s.
  std::chrono::milliseconds longest_total{90'000};

  /// Retry after 409. Default: true.
  bool retry_conflict = true;
};

/// Connection and authentication of a GraceDb client.
struct GraceDbOptions {
  /// Default: the production server.
  std::string service_url = "https://gracedb.ligo.org/api/";

  /// "v1", "v2", or "default" for the server's own choice. Default: "v2".
  std::string api_version = "v2";

  /// Use this certificate instead of searching for a token or certificate.
  std::optional<Certificate> cred{};

  /// Send no credentials. Default: false.
  bool force_noauth = false;

  /// Throw CredentialError from the constructor if no credentials are found. Default: false.
  bool fail_if_noauth = false;

  /// Audience of the bearer token. Default: "https://<host>" of service_url.
  std::optional<std::string> token_audience{};

  /// Scope of the bearer token. Default: "gracedb.read".
  std::string token_scope = "gracedb.read";

  /// Refresh a token this long before its `exp`. Default: 300 s.
  std::chrono::seconds reload_buffer{300};

  /// CA certificates to trust, a PEM file. Default: those of the system.
  std::optional<std::string> ca_cert_path{};

  /// Bound of one connection attempt. Default: 10 s.
  std::chrono::milliseconds connect_timeout{10'000};

  /// Bound of one attempt of one request. Default: 60 s.
  std::chrono::milliseconds timeout{60'000};

  RetryPolicy retry{};

  /// With a producer: keep a connection to GraceDB open for the next event, by a small request once a minute
  /// or more often. Default: true.
  bool keep_warm = true;
};

/// The arguments of create_event() and submit(). Group, pipeline, search and labels are checked against the
/// API root before anything is sent.
struct CreateEventOptions {
  /// For example "CBC".
  std::string group{};

  /// For example "gstlal".
  std::string pipeline{};

  /// Path of the event file, or its name if `contents` is set.
  std::string filename{};

  /// For example "AllSky".
  std::optional<std::string> search{};

  std::vector<std::string> labels{};

  bool offline = false;

  /// The contents of the event file, instead of reading `filename`.
  std::optional<std::string_view> contents{};

  /// Up to 30 of A-Z a-z 0-9 _ -
  std::optional<std::string> replay_id{};

  /// Submit through this producer. Default: none, a plain HTTP POST.
  kafka::Producer* kafka = nullptr;

  /// Upload over HTTP if the reservation or Kafka fails. Default: false.
  bool http_fallback = false;

  /// false: publish on Kafka without reserving a graceid; the supervisor does not upload the event.
  /// Default: true.
  bool gracedb_upload = true;

  /// true: the supervisor ignores the message. Default: false.
  bool skip_supervisor = false;
};

/// How the event was submitted.
enum class EventRoute {
  /// Acknowledged by the broker.
  kafka,
  /// Reserved, then uploaded over HTTP because Kafka failed.
  http_completion,
  /// Plain POST.
  http,
};

/// A submitted event.
struct CreatedEvent {
  /// Of the reservation, the completion or the POST; status 0 if there was no request.
  Response response{};

  EventRoute route = EventRoute::http;

  /// Empty if gracedb_upload was false.
  std::optional<std::string> graceid{};

  /// The UUID derived from the contents of the file.
  std::string content_id{};

  /// Topic, partition and offset; set on route kafka.
  std::optional<kafka::DeliveryReport> delivery{};

  /// Duration of the reservation.
  std::chrono::microseconds reservation_time{0};

  /// From the reservation to the broker's acknowledgement.
  std::chrono::microseconds delivery_time{0};

  /// response.json()
  nlohmann::json json() const;
};

/// The arguments of upload_reserved_event().
struct UploadReservedOptions {
  std::string graceid{};

  /// Path of the event file, or its name if `contents` is set.
  std::string filename{};

  /// The contents of the event file, instead of reading `filename`.
  std::optional<std::string_view> contents{};

  std::vector<std::string> labels{};

  /// The broker that delivered the message.
  std::optional<std::string> kafka_server{};

  /// The topic of the message.
  std::optional<std::string> kafka_topic{};
};

/// The optional arguments of write_log().
struct WriteLogOptions {
  /// Path of a file to attach, or its name if `contents` is set.
  std::string filename{};

  /// The contents of the attachment, instead of reading `filename`.
  std::optional<std::string_view> contents{};

  std::vector<std::string> tag_names{};

  std::string label{};
};

/// A client of GraceDB's REST interface. Thread-safe; connections are kept alive.
///
/// Discovers a bearer token (gracedb::auth) and refreshes it before it expires. Never sends it over plain
/// http, except to a loopback address, and never to another host after a redirect. Without a token it uses an
/// X.509 certificate: `cred`, $X509_USER_CERT and $X509_USER_KEY, $X509_USER_PROXY, /tmp/x509up_u<uid>.
///
/// Every member function below may throw HttpError (a status of 400 or above), HttpConnectionError, and
/// std::invalid_argument for a wrong argument.
class GraceDb {
 public:
  /// Does not connect.
  /// @throws std::invalid_argument  not an http(s) URL, or contradictory options
  /// @throws CredentialError        fail_if_noauth and no credentials
  explicit GraceDb(GraceDbOptions options = {});
  ~GraceDb();
  GraceDb(GraceDb&&) noexcept;
  GraceDb& operator=(GraceDb&&) noexcept;

  /// Submits an event. With `kafka`: reserves a graceid, publishes the file under it, and returns when the
  /// broker has acknowledged the message.
  ///
  /// If Kafka fails, the message is given up first; then `http_fallback` uploads the file over HTTP under the
  /// reserved graceid. Without `http_fallback` the error is thrown and names the graceid. A reservation that
  /// is rejected with 401 or 403 is always an error. A file that exceeds the producer's message limit is
  /// rejected before anything is sent.
  /// @throws std::invalid_argument      unknown group, pipeline, search or label; file too large, unreadable
  /// @throws KafkaMessageDeliveryError, KafkaTopicError, KafkaAuthenticationError  as Producer::deliver()
  CreatedEvent create_event(const CreateEventOptions& options);

  /// As create_event(), without waiting: reserves several events at a time and publishes each one as soon as
  /// it has a graceid. The file is read before this returns; `contents`, if set, and the producer must stay
  /// valid until the future is ready. The future holds the result or the exception of create_event();
  /// fallback and retries are the same.
  ///
  /// At most 1,000 events and 64 MiB of files are in flight; beyond that the call blocks. The destructor
  /// fails the events that are not reserved yet with a KafkaError, and waits for the others.
  /// @throws std::invalid_argument  as create_event()
  /// @throws HttpError, HttpConnectionError  the API root cannot be fetched
  std::future<CreatedEvent> submit(CreateEventOptions options);

  /// Uploads the file of a reserved event.
  Response upload_reserved_event(const UploadReservedOptions& options);

  /// A producer for this client's instance: `service_url` is filled in. While the producer connects to the
  /// broker, a background thread of this client connects to GraceDB, fetches the API root and, with
  /// `keep_warm`, keeps that connection open.
  kafka::Producer create_kafka_producer(kafka::ProducerOptions options) const;

  /// The API root, fetched once: links, templates, groups, pipelines, searches, labels, …
  const nlohmann::json& api_root();

  Response ping();
  Response event(std::string_view graceid);
  Response user_info();

  /// Calls `visit` with each event that matches `query` (GraceDB's text query, e.g. "group: Test pipeline:
  /// gstlal"), page by page, until it returns false or there are no more.
  void events(std::string_view query, const std::function<bool(const nlohmann::json& event)>& visit,
              std::string_view order_by = {}, std::optional<std::size_t> max_results = std::nullopt);

  /// One page of a query: GraceDB's answer with `numRows`, `events` and `links`.
  /// @param start  number of events to skip
  /// @param count  largest number of events in the page
  Response events_page(std::string_view query, std::string_view order_by = {}, std::size_t start = 0,
                       std::size_t count = 100);

  Response files(std::string_view graceid, std::string_view filename = {});
  Response logs(std::string_view graceid, std::optional<int> log_number = std::nullopt);
  Response write_log(std::string_view graceid, std::string_view message, const WriteLogOptions& options = {});
  Response labels(std::string_view graceid, std::string_view label = {});
  Response write_label(std::string_view graceid, std::string_view label);
  Response remove_label(std::string_view graceid, std::string_view label);

  /// Ends in '/'.
  const std::string& service_url() const noexcept;

  /// How this client authenticates: "bearer token of <subject> from <source>", "certificate <path>", "none".
  std::string credential() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gracedb::rest

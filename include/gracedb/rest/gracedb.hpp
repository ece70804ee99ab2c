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
  std::string key_path{};  ///< the same file for a proxy
};

/// Which requests are tried again: those answered 408, 409, 502 or 504; 503 and 429 where Retry-After is
/// given; and connections that could not be made, so that nothing was sent.
struct RetryPolicy {
  int tries = 5;                                    ///< after the first; 0: never try again
  std::chrono::milliseconds backoff{100};           ///< first ceiling of the waiting time; doubles
  std::chrono::milliseconds longest_wait{30'000};   ///< a Retry-After beyond this is thrown at once
  std::chrono::milliseconds longest_total{90'000};  ///< no further try begins after this much time
  bool retry_conflict = true;                       ///< try again on 409
};

/// How a GraceDb client connects and authenticates. Give what differs from the defaults.
struct GraceDbOptions {
  std::string service_url = "https://gracedb.ligo.org/api/";
  std::string api_version = "v2";               ///< "v1", "v2", or "default" for the server's own choice
  std::optional<Certificate> cred{};            ///< instead of looking for one
  bool force_noauth = false;                    ///< send no credential at all
  bool fail_if_noauth = false;                  ///< throw CredentialError at construction where none is found
  std::optional<std::string> token_audience{};  ///< default: "https://<host>" of service_url
  std::string token_scope = "gracedb.read";
  std::chrono::seconds reload_buffer{300};    ///< renew a token this long before its `exp`
  std::optional<std::string> ca_cert_path{};  ///< PEM file; default: the system's certificates
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{60'000};  ///< of one try of one request
  RetryPolicy retry{};
  /// Once there is a producer: keep a connection open for the next event, with a small request now and then.
  bool keep_warm = true;
};

/// What create_event() takes. Checked against the API root before anything is sent.
struct CreateEventOptions {
  std::string group{};                  ///< e.g. "CBC"
  std::string pipeline{};               ///< e.g. "gstlal"
  std::string filename{};               ///< path of the event file, or its name where `contents` is given
  std::optional<std::string> search{};  ///< e.g. "AllSky"
  std::vector<std::string> labels{};
  bool offline = false;
  std::optional<std::string_view> contents{};  ///< instead of reading the file
  std::optional<std::string> replay_id{};      ///< up to 30 of A-Z a-z 0-9 _ -
  kafka::Producer* kafka = nullptr;            ///< submit through Kafka; none: one plain HTTP POST
  bool http_fallback = false;                  ///< go on over HTTP where reservation or Kafka fails
  bool gracedb_upload = true;                  ///< false: publish on Kafka without reserving a graceid
  bool skip_supervisor = false;                ///< true: the supervisor leaves the message alone
};

/// The way an event took.
enum class EventRoute {
  kafka,            ///< confirmed by the broker
  http_completion,  ///< reserved, then uploaded over HTTP because Kafka failed
  http,             ///< plain POST
};

/// A submitted event.
struct CreatedEvent {
  Response response{};  ///< of the reservation, the completion or the POST; status 0 without any
  EventRoute route = EventRoute::http;
  std::optional<std::string> graceid{};  ///< none where gracedb_upload was false
  std::string content_id{};
  std::optional<kafka::DeliveryReport> delivery{};  ///< topic, partition and offset on route kafka
  std::chrono::microseconds reservation_time{0};    ///< spent on the reservation
  std::chrono::microseconds delivery_time{0};       ///< from the reservation to the broker's confirmation
  nlohmann::json json() const;                      ///< response.json()
};

/// What upload_reserved_event() takes.
struct UploadReservedOptions {
  std::string graceid{};
  std::string filename{};                      ///< path, or the name where `contents` is given
  std::optional<std::string_view> contents{};  ///< instead of reading the file
  std::vector<std::string> labels{};
  std::optional<std::string> kafka_server{};  ///< the broker that delivered the message
  std::optional<std::string> kafka_topic{};   ///< the topic it arrived on
};

struct WriteLogOptions {
  std::string filename{};  ///< a file to attach: path, or the name where `contents` is given
  std::optional<std::string_view> contents{};
  std::vector<std::string> tag_names{};
  std::string label{};
};

/// A client of GraceDB's REST interface. Safe to share between threads; connections are kept alive.
///
/// A bearer token is found as gracedb::auth does and renewed before it expires. It is never sent over plain
/// http, except to a loopback address, and never across a redirect to another host. Without one, an X.509
/// certificate is used: `cred`, $X509_USER_CERT and $X509_USER_KEY, $X509_USER_PROXY, /tmp/x509up_u<uid>.
///
/// Every call below may throw HttpError (a status of 400 or above), HttpConnectionError, and
/// std::invalid_argument for a wrong argument.
class GraceDb {
 public:
  /// Does not connect.
  /// @throws std::invalid_argument  not an http(s) URL, or a contradiction in the options
  /// @throws CredentialError        fail_if_noauth and no credential
  explicit GraceDb(GraceDbOptions options = {});
  ~GraceDb();
  GraceDb(GraceDb&&) noexcept;
  GraceDb& operator=(GraceDb&&) noexcept;

  /// Submits an event. With `kafka`: reserves a graceid, publishes the file under it, and returns when the
  /// broker has confirmed the message.
  ///
  /// Where Kafka fails, the message is withdrawn first; then `http_fallback` uploads the file over HTTP under
  /// the reserved graceid, else the failure is thrown and names the graceid. A reservation refused with 401
  /// or 403 is always thrown. A file that would not fit the producer's message limit is refused before
  /// anything is sent.
  /// @throws std::invalid_argument      unknown group, pipeline, search or label; file too large, unreadable
  /// @throws KafkaMessageDeliveryError, KafkaTopicError, KafkaAuthenticationError  as Producer::deliver()
  CreatedEvent create_event(const CreateEventOptions& options);

  /// The same without waiting, for many events at once: several are reserved at a time, and each is sent as
  /// soon as it has its graceid. The file is read before this returns; `contents`, where given, and the
  /// producer must stay until the future is ready. The future gives what create_event() would return or
  /// throw; fallbacks and repeated tries are the same.
  ///
  /// At most 1,000 events and 64 MiB of files are under way; beyond that the call waits for room. The
  /// destructor gives up what is not reserved yet, with a KafkaError, and waits for the rest.
  /// @throws std::invalid_argument  as create_event()
  /// @throws HttpError, HttpConnectionError  the API root cannot be fetched
  std::future<CreatedEvent> submit(CreateEventOptions options);

  /// Completes a reserved event with its file.
  Response upload_reserved_event(const UploadReservedOptions& options);

  /// A producer for this client's instance: `service_url` is filled in. While it connects to the broker, a
  /// thread of this client connects to GraceDB, fetches the API root and, with `keep_warm`, keeps that
  /// connection open.
  kafka::Producer create_kafka_producer(kafka::ProducerOptions options) const;

  /// The API root, fetched once: links, templates, groups, pipelines, searches, labels, …
  const nlohmann::json& api_root();

  Response ping();
  Response event(std::string_view graceid);
  Response user_info();

  /// Calls `visit` with each event of a query (text query of GraceDB, e.g. "group: Test pipeline: gstlal"),
  /// page after page, until it returns false or there are no more.
  void events(std::string_view query, const std::function<bool(const nlohmann::json& event)>& visit,
              std::string_view order_by = {}, std::optional<std::size_t> max_results = std::nullopt);

  /// One page of a query: GraceDB's answer with `numRows`, `events` and `links`.
  /// @param start  how many events to leave out
  /// @param count  how many to give at most
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

  /// How this client would authenticate: "bearer token of <subject> from <source>", "certificate <path>",
  /// "none".
  std::string credential() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gracedb::rest

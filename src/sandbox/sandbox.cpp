#include "sandbox/sandbox.hpp"

#include "gracedb/kafka/topics.hpp"

#include "sandbox/alert_publisher.hpp"
#include "sandbox/catalog.hpp"
#include "sandbox/embedded_broker.hpp"
#include "sandbox/event_store.hpp"
#include "sandbox/own_routes.hpp"
#include "sandbox/state_dir.hpp"
#include "sandbox/token_file.hpp"

namespace gracedb::sandbox {
namespace {

/// The name that clients reach the server by: a browser or a certificate knows "localhost", not "127.0.0.1".
std::string public_host(const std::string& host) {
  const bool is_here = host == "127.0.0.1" || host == "0.0.0.0" || host == "::" || host == "::1";
  return is_here ? "localhost" : host;
}

std::string make_service_url(const SandboxOptions& options, int port) {
  const char* const scheme = options.server.tls_certificate ? "https://" : "http://";
  return scheme + public_host(options.server.address.host) + ":" + std::to_string(port) + "/api/";
}

/// "http://localhost:8080/api/" gives "http://localhost:8080".
std::string origin_of(const std::string& service_url) {
  return service_url.substr(0, service_url.find('/', 8));
}

TokenClaims claims_of(const SandboxOptions& options, const std::string& service_url) {
  TokenClaims claims = options.token;
  if (claims.issuer.empty()) claims.issuer = default_issuer;
  if (claims.issuer == own_issuer) claims.issuer = origin_of(service_url);
  return claims;
}

Database::Durability durability_of(const SandboxOptions& options, const StateDir& state) {
  return options.wait_for_disk && !state.is_temporary() ? Database::Durability::power_loss
                                                        : Database::Durability::crash;
}

std::vector<std::string> topics_of(const SandboxOptions& options, const std::string& instance_name) {
  if (!options.topics.empty()) return options.topics;
  std::vector<std::string> topics = {kafka::make_topic_name(instance_name, "test")};
  for (const auto pipeline : pipelines()) {
    topics.push_back(kafka::make_topic_name(instance_name, kafka::topic_of_event("", pipeline)));
  }
  return topics;
}

}  // namespace

class Sandbox::Implementation {
 public:
  explicit Implementation(SandboxOptions options)
      : options_(std::move(options)),
        state_(options_.state_dir),
        faults_(options_.faults, options_.seed),
        server_(options_.server, faults_),
        service_url_(make_service_url(options_, server_.port())),
        instance_name_(options_.instance_name.value_or(kafka::derive_instance_name(service_url_))),
        issuer_(open_issuer(state_.path())),
        claims_(claims_of(options_, service_url_)),
        verifier_(verifier_options()),
        token_file_(issuer_, claims_, options_.token_file.value_or(state_.path() / "token"),
                    options_.renew_before.value_or(claims_.lifetime / 4)),
        store_(state_.path() / "gracedb.sqlite", durability_of(options_, state_)),
        api_(
            store_, [this](const Alert& alert) { publish(alert); }, instance_name_),
        own_routes_(make_own_routes(store_, faults_, claims_.issuer, issuer_.jwks())) {
    start_broker();
    server_.start(api_, own_routes_, options_.authenticate ? &verifier_ : nullptr);
  }
  ~Implementation() { server_.stop(); }  // before anything that its requests use
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  const std::string& service_url() const noexcept { return service_url_; }
  const std::string& instance_name() const noexcept { return instance_name_; }
  const std::optional<std::string>& bootstrap_servers() const noexcept { return bootstrap_servers_; }
  const StateDir& state() const noexcept { return state_; }
  const TokenFile& token_file() const noexcept { return token_file_; }
  const TokenIssuer& issuer() const noexcept { return issuer_; }
  const TokenClaims& claims() const noexcept { return claims_; }

 private:
  TokenVerifier::Options verifier_options() const {
    const std::string host = public_host(options_.server.address.host);
    TokenVerifier::Options verifier{
        .issuer = claims_.issuer,
        .audience = {host, "https://" + host, "http://" + host, origin_of(service_url_)},
        .key_id = issuer_.key_id(),
        .public_key = issuer_.public_key(),
        .cache_dir = state_.path() / "cache"};
    verifier.audience.insert(verifier.audience.end(), options_.audience.begin(), options_.audience.end());
    return verifier;
  }

  void start_broker() {
    if (options_.embedded_broker) {
      broker_.emplace(topics_of(options_, instance_name_), options_.partitions);
      bootstrap_servers_ = broker_->bootstrap_servers();
    } else {
      bootstrap_servers_ = options_.bootstrap_servers;
    }
    if (!bootstrap_servers_) return;
    auto properties = options_.kafka_config;
    properties.try_emplace("bootstrap.servers", *bootstrap_servers_);
    publisher_.emplace(std::move(properties), [this] { return bearer_token(); });
  }

  AlertPublisher::BearerToken bearer_token() const {
    return {issuer_.mint(claims_), now() + claims_.lifetime, claims_.subject};
  }

  void publish(const Alert& alert) const {
    if (publisher_) publisher_->publish(alert);
  }

  SandboxOptions options_;
  StateDir state_;
  FaultPlan faults_;
  Server server_;
  std::string service_url_;
  std::string instance_name_;
  TokenIssuer issuer_;
  TokenClaims claims_;
  TokenVerifier verifier_;
  TokenFile token_file_;
  EventStore store_;
  std::optional<EmbeddedBroker> broker_;
  std::optional<std::string> bootstrap_servers_;
  std::optional<AlertPublisher> publisher_;
  Api api_;
  Router own_routes_;
};

Sandbox::Sandbox(SandboxOptions options)
    : implementation_(std::make_unique<Implementation>(std::move(options))) {}

Sandbox::~Sandbox() = default;

const std::string& Sandbox::service_url() const noexcept { return implementation_->service_url(); }
const std::string& Sandbox::instance_name() const noexcept { return implementation_->instance_name(); }
std::optional<std::string> Sandbox::bootstrap_servers() const { return implementation_->bootstrap_servers(); }
const std::filesystem::path& Sandbox::state_dir() const noexcept { return implementation_->state().path(); }
std::filesystem::path Sandbox::token_file() const { return implementation_->token_file().path(); }
std::filesystem::path Sandbox::jwks() const { return jwks_path(implementation_->state().path()); }
const std::string& Sandbox::issuer() const noexcept { return implementation_->claims().issuer; }

std::string Sandbox::mint(const TokenClaims& claims) const { return implementation_->issuer().mint(claims); }

}  // namespace gracedb::sandbox

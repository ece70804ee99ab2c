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
  return scheme + public_host(options.server.host) + ":" + std::to_string(port) + "/api/";
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
      : options_(with_defaults(std::move(options))),
        state_(options_.state_dir),
        issuer_(open_issuer(state_.path())),
        verifier_(verifier_options()),
        token_file_(issuer_, options_.token, options_.token_file.value_or(state_.path() / "token"),
                    options_.renew_before.value_or(options_.token.lifetime / 4)),
        store_(state_.path() / "gracedb.sqlite", durability_of(options_, state_)),
        faults_(options_.faults, options_.seed),
        server_(options_.server, faults_, options_.authenticate ? &verifier_ : nullptr),
        service_url_(make_service_url(options_, server_.port())),
        instance_name_(options_.instance_name.value_or(kafka::derive_instance_name(service_url_))),
        api_(
            store_, [this](const Alert& alert) { publish(alert); }, instance_name_),
        own_routes_(make_own_routes(store_, faults_)) {
    start_broker();
    server_.start(api_, own_routes_);
  }
  ~Implementation() { server_.stop(); }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  const std::string& service_url() const noexcept { return service_url_; }
  const std::string& instance_name() const noexcept { return instance_name_; }
  const std::optional<std::string>& bootstrap_servers() const noexcept { return bootstrap_servers_; }
  const StateDir& state() const noexcept { return state_; }
  const TokenFile& token_file() const noexcept { return token_file_; }
  const TokenIssuer& issuer() const noexcept { return issuer_; }
  const SandboxOptions& options() const noexcept { return options_; }

 private:
  static SandboxOptions with_defaults(SandboxOptions options) {
    if (options.token.issuer.empty()) options.token.issuer = default_issuer;
    return options;
  }

  TokenVerifier::Options verifier_options() const {
    const std::string host = public_host(options_.server.host);
    TokenVerifier::Options verifier{.issuer = options_.token.issuer,
                                    .audience = {host, "https://" + host, "http://" + host},
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
    return {issuer_.mint(options_.token), now() + options_.token.lifetime, options_.token.subject};
  }

  void publish(const Alert& alert) const {
    if (publisher_) publisher_->publish(alert);
  }

  SandboxOptions options_;
  StateDir state_;
  TokenIssuer issuer_;
  TokenVerifier verifier_;
  TokenFile token_file_;
  EventStore store_;
  FaultPlan faults_;
  std::optional<EmbeddedBroker> broker_;
  std::optional<std::string> bootstrap_servers_;
  std::optional<AlertPublisher> publisher_;
  Server server_;
  std::string service_url_;
  std::string instance_name_;
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
const std::string& Sandbox::issuer() const noexcept { return implementation_->options().token.issuer; }

std::string Sandbox::mint(const TokenClaims& claims) const { return implementation_->issuer().mint(claims); }

}  // namespace gracedb::sandbox

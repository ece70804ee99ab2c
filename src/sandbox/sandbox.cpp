#include "sandbox/sandbox.hpp"

#include "gracedb/kafka/topics.hpp"

#include "sandbox/api.hpp"
#include "sandbox/conventions.hpp"
#include "sandbox/kafka.hpp"
#include "sandbox/store.hpp"

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace gracedb::sandbox {
namespace {

/// A directory that is removed at the end if it is temporary.
class StateDir {
 public:
  explicit StateDir(const std::optional<std::filesystem::path>& path)
      : path_(path ? make_state_dir(*path) : make_temporary_directory()), is_temporary_(!path) {}
  ~StateDir() {
    std::error_code ignored;
    if (is_temporary_) std::filesystem::remove_all(path_, ignored);
  }
  StateDir(const StateDir&) = delete;
  StateDir& operator=(const StateDir&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  bool is_temporary() const noexcept { return is_temporary_; }

 private:
  static std::filesystem::path make_temporary_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "gracedb-sandbox-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw std::system_error(errno, std::generic_category(), "cannot create the directory " + name);
    }
    return name;
  }

  std::filesystem::path path_;
  bool is_temporary_;
};

/// The server's name in its URL: browsers and certificates use "localhost", not "127.0.0.1".
std::string public_host(const std::string& host) {
  const bool is_local = host == "127.0.0.1" || host == "0.0.0.0" || host == "::" || host == "::1";
  return is_local ? "localhost" : host;
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

Durability durability_of(const SandboxOptions& options, const StateDir& state) {
  return options.fsync && !state.is_temporary() ? Durability::power_loss : Durability::crash;
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
        server_(options_.server),
        service_url_(make_service_url(options_, server_.port())),
        instance_name_(options_.instance_name.value_or(kafka::derive_instance_name(service_url_))),
        issuer_(open_issuer(state_.path())),
        claims_(claims_of(options_, service_url_)),
        verifier_(verifier_options()),
        token_file_(issuer_, claims_, options_.token_file.value_or(state_.path() / "token"),
                    options_.renew_before.value_or(claims_.lifetime / 4)),
        store_(state_.path() / "gracedb.sqlite", durability_of(options_, state_)),
        api_(store_, faults_, options_.authenticate ? &verifier_ : nullptr,
             [this](const Alert& alert) { publish(alert); },
             {.instance_name = instance_name_,
              .issuer = claims_.issuer,
              .jwks = issuer_.jwks(),
              .answer_delay = options_.answer_delay}) {
    start_broker();
    server_.start([this](Request& request, Exchange& exchange) { return api_.answer(request, exchange); });
  }
  ~Implementation() { server_.stop(); }  // before the members that its requests use
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

  void publish(const Alert& alert) {
    if (publisher_) publisher_->publish(alert);
  }

  SandboxOptions options_;
  StateDir state_;
  FaultPlan faults_;
  HttpServer server_;
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
};

std::filesystem::path make_state_dir(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  auto canonical = std::filesystem::canonical(path, error);
  if (!error && !std::filesystem::is_directory(canonical, error)) {
    error = std::make_error_code(std::errc::not_a_directory);
  }
  if (error) throw std::system_error(error, "cannot use the directory " + path.string());
  return canonical;
}

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

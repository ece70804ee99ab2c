#include "sandbox/tokens.hpp"

#include "core/encoding.hpp"
#include "core/file.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/text.hpp"

#include <nlohmann/json.hpp>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <scitokens/scitokens.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <stdexcept>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define GRACEDB_LEAK_SANITIZER
#endif
#endif

namespace gracedb::sandbox {
namespace {

using nlohmann::json;

template <auto free_function>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Digester = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using BigNumber = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;

constexpr log::Logger logger{"gracedb.sandbox.token"};
constexpr std::chrono::milliseconds min_renewal_interval{500};

constexpr std::size_t coordinate_size = 32;  // of P-256, in bytes

void require(bool success, const char* what) {
  if (!success) throw std::runtime_error(std::string("OpenSSL: ") + what + " failed");
}

void write_coordinate(const BIGNUM* number, unsigned char* bytes) {
  require(BN_bn2binpad(number, bytes, static_cast<int>(coordinate_size)) > 0, "writing a coordinate");
}

template <std::size_t size>
std::string_view as_text(const std::array<unsigned char, size>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string contents_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string coordinate(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  require(EVP_PKEY_get_bn_param(key, name, &number) == 1, "reading a public key");
  const BigNumber owned(number);
  std::array<unsigned char, coordinate_size> bytes{};
  write_coordinate(number, bytes.data());
  return to_base64url(as_text(bytes));
}

PrivateKey generate_key() {
  PrivateKey key(EVP_EC_gen("P-256"));
  require(key != nullptr, "generating a key");
  return key;
}

PrivateKey load_key(const std::filesystem::path& path) {
  const Bio file(BIO_new_file(path.c_str(), "r"));
  if (!file) throw std::runtime_error("cannot read the signing key " + path.string());
  PrivateKey key(PEM_read_bio_PrivateKey(file.get(), nullptr, nullptr, nullptr));
  std::array<char, 32> group{};
  std::size_t length = 0;
  const bool is_usable = key &&
                         EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), &length) == 1 &&
                         std::string_view(group.data(), length) == "prime256v1";
  if (!is_usable) throw std::runtime_error(path.string() + " is not a P-256 private key in PEM");
  return key;
}

void save_key(const EVP_PKEY* key, const std::filesystem::path& path) {
  const Bio memory(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_PKCS8PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "writing a key");
  write_file_atomically(path, contents_of(memory.get()), 0600);
}

std::string random_id() {
  std::array<unsigned char, 16> bytes{};
  require(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1, "random bytes");
  return to_base64url(as_text(bytes));
}

// JOSE concatenates the two numbers of an ECDSA signature; OpenSSL encodes them in DER.
std::string to_jose(const std::string& der) {
  const auto* data = reinterpret_cast<const unsigned char*>(der.data());
  const Signature signature(d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(der.size())));
  require(signature != nullptr, "reading a signature");
  std::array<unsigned char, 2 * coordinate_size> raw{};
  write_coordinate(ECDSA_SIG_get0_r(signature.get()), raw.data());
  write_coordinate(ECDSA_SIG_get0_s(signature.get()), raw.data() + coordinate_size);
  return to_base64url(as_text(raw));
}

json payload_of(const TokenClaims& claims) {
  using std::chrono::seconds;
  const seconds now = std::chrono::floor<seconds>(std::chrono::system_clock::now().time_since_epoch());
  const seconds expires = now + claims.lifetime;
  // An expired token was issued before it expired.
  const seconds issued = std::min(now, expires - seconds(1));
  const seconds not_before = claims.not_before == seconds(0) ? issued : now + claims.not_before;
  const json audience = claims.audience.size() == 1 ? json(claims.audience.front()) : json(claims.audience);
  return {{"sub", claims.subject},     {"iss", claims.issuer},   {"aud", audience},
          {"scope", claims.scope},     {"exp", expires.count()}, {"iat", issued.count()},
          {"nbf", not_before.count()}, {"ver", "scitoken:2.0"},  {"jti", random_id()}};
}

// libscitokens asks the issuer's web server for a key that it has held for ten minutes.
constexpr std::chrono::minutes key_renewal{5};
constexpr std::size_t max_accepted_tokens = 1000;

/// Owns the error text that libscitokens allocates.
class ErrorText {
 public:
  ErrorText() = default;
  ~ErrorText() { std::free(text_); }  // NOLINT(cppcoreguidelines-no-malloc): allocated by the library
  ErrorText(const ErrorText&) = delete;
  ErrorText& operator=(const ErrorText&) = delete;

  char** out() noexcept { return &text_; }
  std::string str() const { return text_ == nullptr ? "unknown reason" : text_; }

 private:
  char* text_ = nullptr;
};

struct TokenFreer {
  void operator()(void* token) const { scitoken_destroy(token); }
};
struct EnforcerFreer {
  void operator()(void* enforcer) const { enforcer_destroy(enforcer); }
};
using OwnedToken = std::unique_ptr<void, TokenFreer>;
using OwnedEnforcer = std::unique_ptr<void, EnforcerFreer>;

std::string subject_of(const OwnedToken& token) {
  ErrorText error;
  char* value = nullptr;
  if (scitoken_get_claim_string(token.get(), "sub", &value, error.out()) != 0) return {};
  const std::unique_ptr<char, decltype(&std::free)> owned(value, &std::free);
  return to_lower(value);
}

}  // namespace

class TokenIssuer::Key {
 public:
  explicit Key(PrivateKey key)
      : key_(std::move(key)),
        x_(coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X)),
        y_(coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y)) {
    const std::string members = R"({"crv":"P-256","kty":"EC","x":")" + x_ + R"(","y":")" + y_ + R"("})";
    id_ = to_base64url(as_text(sha256(members)));
  }

  const EVP_PKEY* get() const noexcept { return key_.get(); }
  const std::string& id() const noexcept { return id_; }

  std::string sign(std::string_view text) const {
    const Digester digester(EVP_MD_CTX_new());
    const auto* data = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    require(digester && EVP_DigestSignInit(digester.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
                EVP_DigestSign(digester.get(), nullptr, &size, data, text.size()) == 1,
            "signing");
    std::string der(size, '\0');
    require(EVP_DigestSign(digester.get(), reinterpret_cast<unsigned char*>(der.data()), &size, data,
                           text.size()) == 1,
            "signing");
    der.resize(size);
    return to_jose(der);
  }

  json jwk() const {
    return {{"kty", "EC"}, {"crv", "P-256"}, {"alg", "ES256"}, {"use", "sig"},
            {"kid", id_},  {"x", x_},        {"y", y_}};
  }

 private:
  PrivateKey key_;
  std::string x_;
  std::string y_;
  std::string id_;
};

TokenIssuer::TokenIssuer(const std::filesystem::path& key_file) {
  if (std::filesystem::exists(key_file)) {
    key_ = std::make_unique<Key>(load_key(key_file));
  } else {
    key_ = std::make_unique<Key>(generate_key());
    save_key(key_->get(), key_file);
  }
}

TokenIssuer::TokenIssuer() : key_(std::make_unique<Key>(generate_key())) {}

TokenIssuer::~TokenIssuer() = default;
TokenIssuer::TokenIssuer(TokenIssuer&&) noexcept = default;
TokenIssuer& TokenIssuer::operator=(TokenIssuer&&) noexcept = default;

const std::string& TokenIssuer::key_id() const noexcept { return key_->id(); }

std::string TokenIssuer::mint(const TokenClaims& claims, std::string_view key_id) const {
  const json header = {
      {"typ", "JWT"}, {"alg", "ES256"}, {"kid", key_id.empty() ? key_->id() : std::string(key_id)}};
  const std::string text =
      to_base64url(dump_json(header)) + "." + to_base64url(dump_json(payload_of(claims)));
  return text + "." + key_->sign(text);
}

std::string TokenIssuer::public_key() const {
  const Bio memory(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_PUBKEY(memory.get(), key_->get()) == 1, "writing a public key");
  return contents_of(memory.get());
}

std::string TokenIssuer::jwks() const { return json{{"keys", {key_->jwk()}}}.dump(2) + "\n"; }

std::filesystem::path jwks_path(const std::filesystem::path& state_dir) { return state_dir / "jwks.json"; }

TokenIssuer open_issuer(const std::filesystem::path& state_dir) {
  TokenIssuer issuer(state_dir / "signing-key.pem");
  write_file_atomically(jwks_path(state_dir), issuer.jwks(), 0644);
  return issuer;
}

TokenVerifier::TokenVerifier(Options options) : options_(std::move(options)) {
  std::filesystem::create_directories(options_.cache_dir);
  ::setenv("XDG_CACHE_HOME", options_.cache_dir.c_str(), 1);
  const MutexLock lock(mutex_);
  store_key();
}

void TokenVerifier::store_key() {
  ErrorText error;
#if defined(GRACEDB_LEAK_SANITIZER)
  // libscitokens 1.1 (Debian 13) leaks the 65 bytes of the public point in each call. A suppression file cannot name it:
  // the stack that LeakSanitizer records ends in libcrypto's CRYPTO_malloc, like that of every leak of OpenSSL objects.
  const __lsan::ScopedDisabler known_leak;
#endif
  if (scitoken_store_public_ec_key(options_.issuer.c_str(), options_.key_id.c_str(),
                                   options_.public_key.c_str(), error.out()) != 0) {
    throw std::runtime_error("cannot store the issuer's key: " + error.str());
  }
  key_stored_ = std::chrono::steady_clock::now();
}

TokenVerifier::Verdict TokenVerifier::verify(const std::string& token) {
  const std::string digest = sha256_hex(token);
  const MutexLock lock(mutex_);
  const auto found = accepted_.find(digest);
  if (found != accepted_.end() && Clock::now() < found->second.expires) return {found->second.user, {}};
  if (found != accepted_.end()) accepted_.erase(found);
  return verify_uncached(token, digest);
}

TokenVerifier::Verdict TokenVerifier::verify_uncached(const std::string& token, const std::string& digest) {
  if (std::chrono::steady_clock::now() - key_stored_ > key_renewal) store_key();

  ErrorText error;
  const char* const issuers[] = {options_.issuer.c_str(), nullptr};
  SciToken parsed = nullptr;
  if (scitoken_deserialize(token.c_str(), &parsed, issuers, error.out()) != 0) return {{}, error.str()};
  const OwnedToken owned(parsed);

  std::vector<const char*> audience;
  for (const std::string& name : options_.audience)
    audience.push_back(name.c_str());
  audience.push_back(nullptr);
  const OwnedEnforcer enforcer(enforcer_create(options_.issuer.c_str(), audience.data(), error.out()));
  if (!enforcer) return {{}, error.str()};
  const Acl acl{options_.scope.c_str(), "/"};
  if (enforcer_test(enforcer.get(), owned.get(), &acl, error.out()) != 0) return {{}, error.str()};

  long long expires = 0;
  scitoken_get_expiration(owned.get(), &expires, error.out());
  std::string user = subject_of(owned);
  if (user.empty()) return {{}, "the token has no subject"};
  if (accepted_.size() >= max_accepted_tokens) accepted_.clear();
  accepted_.insert_or_assign(digest, Accepted{user, Clock::from_time_t(static_cast<std::time_t>(expires))});
  return {std::move(user), {}};
}

TokenFile::TokenFile(const TokenIssuer& issuer, TokenClaims claims, std::filesystem::path path,
                     std::chrono::milliseconds renew_before)
    : issuer_(issuer),
      claims_(std::move(claims)),
      path_(std::move(path)),
      interval_(std::max(std::chrono::milliseconds(claims_.lifetime) - renew_before, min_renewal_interval)) {
  write();
  renewal_ = std::thread([this] { renew_until_stopped(); });
}

TokenFile::~TokenFile() {
  {
    const MutexLock lock(mutex_);
    is_stopping_ = true;
  }
  stopped_.notify_all();
  renewal_.join();
}

void TokenFile::write() const { write_file_atomically(path_, issuer_.mint(claims_) + "\n", 0600); }

bool TokenFile::wait(std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  const MutexLock lock(mutex_);
  while (!is_stopping_) {
    if (!stopped_.wait_until(mutex_, deadline)) break;
  }
  return !is_stopping_;
}

void TokenFile::renew_until_stopped() {
  std::chrono::milliseconds interval = interval_;
  while (wait(interval)) {
    try {
      write();
      interval = interval_;
      logger.debug("renewed {}", path_.string());
    } catch (const std::exception& error) {
      interval = min_renewal_interval;
      logger.error("cannot renew the token file {}; trying again in {} ms: {}", path_.string(),
                   interval.count(), error.what());
    }
  }
}

}  // namespace gracedb::sandbox

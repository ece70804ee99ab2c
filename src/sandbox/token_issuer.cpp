#include "sandbox/token_issuer.hpp"

#include "sandbox/state_dir.hpp"

#include <nlohmann/json.hpp>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <stdexcept>

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

constexpr std::size_t coordinate_size = 32;  // of P-256, in bytes

void require(bool success, const char* what) {
  if (!success) throw std::runtime_error(std::string("OpenSSL: ") + what + " failed");
}

void write_coordinate(const BIGNUM* number, unsigned char* bytes) {
  require(BN_bn2binpad(number, bytes, static_cast<int>(coordinate_size)) > 0, "writing a coordinate");
}

std::string base64url(const unsigned char* data, std::size_t size) {
  std::string text(4 * ((size + 2) / 3) + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), data, static_cast<int>(size));
  text.resize(static_cast<std::size_t>(length));
  text.erase(std::find(text.begin(), text.end(), '='), text.end());
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::string base64url(std::string_view text) {
  return base64url(reinterpret_cast<const unsigned char*>(text.data()), text.size());
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
  return base64url(bytes.data(), bytes.size());
}

PrivateKey make_key() {
  PrivateKey key(EVP_EC_gen("P-256"));
  require(key != nullptr, "making a key");
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
  return base64url(bytes.data(), bytes.size());
}

// JOSE wants the two numbers of an ECDSA signature side by side, OpenSSL gives them in DER.
std::string to_jose(const std::string& der) {
  const auto* data = reinterpret_cast<const unsigned char*>(der.data());
  const Signature signature(d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(der.size())));
  require(signature != nullptr, "reading a signature");
  std::array<unsigned char, 2 * coordinate_size> raw{};
  write_coordinate(ECDSA_SIG_get0_r(signature.get()), raw.data());
  write_coordinate(ECDSA_SIG_get0_s(signature.get()), raw.data() + coordinate_size);
  return base64url(raw.data(), raw.size());
}

json payload_of(const TokenClaims& claims) {
  using std::chrono::seconds;
  const seconds now = std::chrono::floor<seconds>(std::chrono::system_clock::now().time_since_epoch());
  const seconds expires = now + claims.lifetime;
  // A token that has expired was issued before that.
  const seconds issued = std::min(now, expires - seconds(1));
  const seconds not_before = claims.not_before == seconds(0) ? issued : now + claims.not_before;
  const json audience = claims.audience.size() == 1 ? json(claims.audience.front()) : json(claims.audience);
  return {{"sub", claims.subject},     {"iss", claims.issuer},   {"aud", audience},
          {"scope", claims.scope},     {"exp", expires.count()}, {"iat", issued.count()},
          {"nbf", not_before.count()}, {"ver", "scitoken:2.0"},  {"jti", random_id()}};
}

}  // namespace

class TokenIssuer::Key {
 public:
  explicit Key(PrivateKey key)
      : key_(std::move(key)),
        x_(coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X)),
        y_(coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y)) {
    const std::string members = R"({"crv":"P-256","kty":"EC","x":")" + x_ + R"(","y":")" + y_ + R"("})";
    std::array<unsigned char, 32> digest{};
    require(EVP_Digest(members.data(), members.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1,
            "SHA-256");
    id_ = base64url(digest.data(), digest.size());
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
    key_ = std::make_unique<Key>(make_key());
    save_key(key_->get(), key_file);
  }
}

TokenIssuer::TokenIssuer() : key_(std::make_unique<Key>(make_key())) {}

TokenIssuer::~TokenIssuer() = default;
TokenIssuer::TokenIssuer(TokenIssuer&&) noexcept = default;
TokenIssuer& TokenIssuer::operator=(TokenIssuer&&) noexcept = default;

const std::string& TokenIssuer::key_id() const noexcept { return key_->id(); }

std::string TokenIssuer::mint(const TokenClaims& claims, std::string_view key_id) const {
  const json header = {
      {"typ", "JWT"}, {"alg", "ES256"}, {"kid", key_id.empty() ? key_->id() : std::string(key_id)}};
  const std::string text = base64url(header.dump()) + "." + base64url(payload_of(claims).dump());
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

}  // namespace gracedb::sandbox

#include "sandbox/token_verifier.hpp"

#include "core/encoding.hpp"
#include "core/text.hpp"

#include <scitokens/scitokens.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define GRACEDB_LEAK_SANITIZER
#endif
#endif

namespace gracedb::sandbox {
namespace {

// libscitokens would ask the issuer's web server for a key that is older than ten minutes.
constexpr std::chrono::minutes key_renewal{5};
constexpr std::size_t most_known_tokens = 1000;

/// Where libscitokens puts the text of an error.
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

TokenVerifier::TokenVerifier(Options options) : options_(std::move(options)) {
  std::filesystem::create_directories(options_.cache_dir);
  ::setenv("XDG_CACHE_HOME", options_.cache_dir.c_str(), 1);
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
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(digest);
  if (found != known_.end() && Clock::now() < found->second.expires) return {found->second.user, {}};
  if (found != known_.end()) known_.erase(found);
  return verify_anew(token, digest);
}

TokenVerifier::Verdict TokenVerifier::verify_anew(const std::string& token, const std::string& digest) {
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
  if (known_.size() >= most_known_tokens) known_.clear();
  known_.insert_or_assign(digest, Known{user, Clock::from_time_t(static_cast<std::time_t>(expires))});
  return {std::move(user), {}};
}

}  // namespace gracedb::sandbox

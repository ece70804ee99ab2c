#pragma once

#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace gracedb::test_support {

inline std::string to_base64url(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  text.erase(std::find(text.begin(), text.end(), '='), text.end());
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

/// A JWT with any header and payload, even if they are not JSON.
inline std::string fake_jwt(std::string_view header, std::string_view payload,
                            std::string_view signature = "not really a signature") {
  return to_base64url(header) + "." + to_base64url(payload) + "." + to_base64url(signature);
}

/// A well-formed token with these claims and an invalid signature.
inline std::string fake_token(const nlohmann::json& claims) {
  return fake_jwt(R"({"alg":"RS256","kid":"test","typ":"JWT"})", claims.dump());
}

/// A time as in a claim: whole seconds since 1970.
inline std::int64_t to_claim(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// A token for `audience` and `scope` that expires at `expires`.
inline std::string fake_token(std::string_view audience, std::string_view scope,
                              std::chrono::system_clock::time_point expires) {
  return fake_token({{"sub", "albert.einstein@ligo.org"},
                     {"iss", "https://test.cilogon.org/igwn"},
                     {"aud", audience},
                     {"scope", scope},
                     {"exp", to_claim(expires)}});
}

}  // namespace gracedb::test_support

#include "kafka/base64.hpp"

#include "kafka/base64_kernels.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <random>

namespace gracedb::kafka {
namespace {

std::string encoded(std::string_view bytes) {
  std::string text;
  append_base64(text, bytes);
  return text;
}

TEST(Base64, AgreesWithTheExamplesOfTheStandard) {
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encoded("\xfb\xff"), "+/8=");
}

TEST(Base64, GivesBackEveryLengthOfBytes) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> byte(0, 255);
  std::string bytes;
  for (int size = 0; size < 300; ++size) {
    EXPECT_EQ(encoded(bytes).size(), base64_size(bytes.size()));
    EXPECT_EQ(decode_base64(encoded(bytes)), bytes);
    bytes.push_back(static_cast<char>(byte(random)));
  }
}

TEST(Base64, AppendsToWhatIsThere) {
  std::string text = "before ";
  append_base64(text, "foo");
  EXPECT_EQ(text, "before Zm9v");
}

TEST(Base64, RefusesWhatIsNotTheStandardAlphabetOrLength) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "====", "=", "Z===", "Zm9v\n", " Zm9v",
                           "Zm 9v===", "Zm=v", "Zg==Zg==", "Zm9-", "Zm9_", "Zm9\xc3"}) {
    EXPECT_FALSE(decode_base64(text)) << text;
  }
}

std::string some_bytes(std::size_t size) {
  std::mt19937 random(2);
  std::uniform_int_distribution<int> byte(0, 255);
  std::string bytes(size, '\0');
  for (char& each : bytes)
    each = static_cast<char>(byte(random));
  return bytes;
}

std::string encoded_by_openssl(const std::string& bytes) {
  std::string text(base64_size(bytes.size()) + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                  reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.pop_back();
  return text;
}

TEST(Base64, AgreesWithOpenSslOnManyBlocks) {
  for (const std::size_t size : {12'287U, 12'288U, 12'289U, 100'000U}) {
    const std::string bytes = some_bytes(size);
    EXPECT_TRUE(encoded(bytes) == encoded_by_openssl(bytes)) << size;
    EXPECT_TRUE(decode_base64(encoded(bytes)) == bytes) << size;
  }
}

TEST(Base64, RefusesAForeignCharacterWhereverItStands) {
  const std::string text = encoded(some_bytes(12'300));
  for (std::size_t at = 0; at < text.size(); at += 61) {
    std::string spoilt = text;
    spoilt[at] = '=';
    EXPECT_FALSE(decode_base64(spoilt)) << at;
  }
}

TEST(Base64Kernels, EncodeAsOpenSslDoesAndLeaveLessThanABlock) {
  for (const Base64Kernel& kernel : base64_kernels()) {
    for (std::size_t size = 0; size < 400; ++size) {
      const std::string bytes = some_bytes(size);
      std::string text(base64_size(size), '\0');
      const std::size_t done = kernel.encode(bytes.data(), size, text.data());
      EXPECT_EQ(done % 3, 0U);
      EXPECT_LT(size - done, 64U) << kernel.name;
      EXPECT_EQ(text.substr(0, done / 3 * 4), encoded_by_openssl(bytes.substr(0, done)))
          << kernel.name << size;
    }
  }
}

TEST(Base64Kernels, DecodeWhatTheyEncodeAndLeaveLessThanABlock) {
  for (const Base64Kernel& kernel : base64_kernels()) {
    for (std::size_t size = 0; size < 400; size += 3) {
      const std::string bytes = some_bytes(size);
      const std::string text = encoded_by_openssl(bytes);
      std::string decoded(size + decode_slack, '\0');
      const std::size_t done = kernel.decode(text.data(), text.size(), decoded.data());
      EXPECT_EQ(done % 4, 0U);
      EXPECT_LT(text.size() - done, 64U) << kernel.name;
      EXPECT_EQ(decoded.substr(0, done / 4 * 3), bytes.substr(0, done / 4 * 3)) << kernel.name << size;
    }
  }
}

TEST(Base64Kernels, StopBeforeEveryCharacterThatIsNotOfTheAlphabet) {
  const std::string text = encoded_by_openssl(some_bytes(192));
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string decoded(192 + decode_slack, '\0');
  for (const Base64Kernel& kernel : base64_kernels()) {
    for (int character = 0; character < 256; ++character) {
      if (alphabet.find(static_cast<char>(character)) != std::string::npos) continue;
      for (const std::size_t at : {0U, 31U, 32U, 63U, 64U, 100U, 127U}) {
        std::string spoilt = text;
        spoilt[at] = static_cast<char>(character);
        EXPECT_LE(kernel.decode(spoilt.data(), spoilt.size(), decoded.data()), at)
            << kernel.name << character;
      }
    }
  }
}

}  // namespace
}  // namespace gracedb::kafka

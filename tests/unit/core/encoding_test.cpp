#include "core/encoding.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <random>

namespace gracedb {
namespace {

std::string encoded(std::string_view bytes) {
  std::string text;
  append_base64(text, bytes);
  return text;
}

TEST(Base64, MatchesTheExamplesOfRfc4648) {
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encoded("\xfb\xff"), "+/8=");
}

TEST(Base64, RoundTripsEveryLength) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> byte(0, 255);
  std::string bytes;
  for (int size = 0; size < 300; ++size) {
    EXPECT_EQ(encoded(bytes).size(), base64_size(bytes.size()));
    EXPECT_EQ(decode_base64(encoded(bytes)), bytes);
    bytes.push_back(static_cast<char>(byte(random)));
  }
}

TEST(Base64, AppendsToExistingText) {
  std::string text = "before ";
  append_base64(text, "foo");
  EXPECT_EQ(text, "before Zm9v");
}

TEST(Base64, RejectsWrongAlphabetPaddingAndLength) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "====", "=", "Z===", "Zm9v\n", " Zm9v",
                           "Zm 9v===", "Zm=v", "Zg==Zg==", "Zm9-", "Zm9_", "Zm9\xc3"}) {
    EXPECT_FALSE(decode_base64(text)) << text;
  }
}

std::string random_bytes(std::size_t size) {
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
    const std::string bytes = random_bytes(size);
    EXPECT_TRUE(encoded(bytes) == encoded_by_openssl(bytes)) << size;
    EXPECT_TRUE(decode_base64(encoded(bytes)) == bytes) << size;
  }
}

TEST(Base64, RejectsAWrongCharacterAtAnyPosition) {
  const std::string text = encoded(random_bytes(12'300));
  for (std::size_t at = 0; at < text.size(); at += 61) {
    std::string damaged = text;
    damaged[at] = '=';
    EXPECT_FALSE(decode_base64(damaged)) << at;
  }
}

TEST(Base64Url, HasNoPadding) {
  EXPECT_EQ(to_base64url("\xfb\xff"), "-_8");
  EXPECT_EQ(decode_base64url("-_8"), "\xfb\xff");
  EXPECT_EQ(decode_base64url(""), "");
}

TEST(Base64Url, RejectsTheStandardAlphabetAndPadding) {
  for (const char* text : {"+_8", "-/8", "-_8=", "Zm9v\n", "Z"}) {
    EXPECT_FALSE(decode_base64url(text)) << text;
  }
}

TEST(Sha256, AgreesWithTheStandard) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace gracedb

#include "kafka/base64_kernels.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include <vector>

// The methods are those of W. Muła and D. Lemire, "Faster Base64 Encoding and Decoding using AVX2
// Instructions" (2018) and "Base64 encoding and decoding at almost the speed of a memory copy" (2019).
namespace gracedb::kafka {
namespace {

#define GRACEDB_AVX2 __attribute__((target("avx2")))
#define GRACEDB_VBMI __attribute__((target("avx512f,avx512bw,avx512vbmi")))

// ---- AVX2: 24 bytes and 32 characters at a time

/// Six bits in each byte, from the bytes b of each three in the order b1 b0 b2 b1.
GRACEDB_AVX2 __m256i spread_avx2(__m256i in_pairs) {
  const __m256i first_and_third = _mm256_mulhi_epu16(
      _mm256_and_si256(in_pairs, _mm256_set1_epi32(0x0fc0fc00)), _mm256_set1_epi32(0x04000040));
  const __m256i second_and_fourth = _mm256_mullo_epi16(
      _mm256_and_si256(in_pairs, _mm256_set1_epi32(0x003f03f0)), _mm256_set1_epi32(0x01000010));
  return _mm256_or_si256(first_and_third, second_and_fourth);
}

/// The characters for values 0 to 63: each range of the alphabet lies at its own distance from its values.
GRACEDB_AVX2 __m256i to_characters_avx2(__m256i values) {
  const __m256i distances = _mm256_setr_epi8(65, 71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 0, 0,
                                             65, 71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 0, 0);
  // What is true is -1: subtracted, it takes everything behind the upper case on by one.
  const __m256i behind_upper_case = _mm256_cmpgt_epi8(values, _mm256_set1_epi8(25));
  const __m256i range = _mm256_sub_epi8(_mm256_subs_epu8(values, _mm256_set1_epi8(51)), behind_upper_case);
  return _mm256_add_epi8(values, _mm256_shuffle_epi8(distances, range));
}

GRACEDB_AVX2 void store_encoded_avx2(char* text, __m256i in_pairs) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(text), to_characters_avx2(spread_avx2(in_pairs)));
}

/// The first block: nothing before it may be read.
GRACEDB_AVX2 void encode_first_avx2(const char* bytes, char* text) {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 12));
  const __m256i order = _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10, 1, 0, 2, 1, 4, 3,
                                         5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
  store_encoded_avx2(text, _mm256_shuffle_epi8(_mm256_set_m128i(high, low), order));
}

/// Any other: one load that begins four bytes before it has twelve of its bytes in each half.
GRACEDB_AVX2 void encode_next_avx2(const char* bytes, char* text) {
  const __m256i around = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes - 4));
  const __m256i order = _mm256_setr_epi8(5, 4, 6, 5, 8, 7, 9, 8, 11, 10, 12, 11, 14, 13, 15, 14, 1, 0, 2, 1,
                                         4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
  store_encoded_avx2(text, _mm256_shuffle_epi8(around, order));
}

GRACEDB_AVX2 std::size_t encode_avx2(const char* bytes, std::size_t size, char* text) {
  constexpr std::size_t read_beyond = 4;
  if (size < 24 + read_beyond) return 0;
  encode_first_avx2(bytes, text);
  std::size_t done = 24;
  text += 32;
  for (; size - done >= 96 + read_beyond; done += 96, text += 128) {
    encode_next_avx2(bytes + done, text);
    encode_next_avx2(bytes + done + 24, text + 32);
    encode_next_avx2(bytes + done + 48, text + 64);
    encode_next_avx2(bytes + done + 72, text + 96);
  }
  for (; size - done >= 24 + read_beyond; done += 24, text += 32)
    encode_next_avx2(bytes + done, text);
  return done;
}

/// What 32 characters stand for.
struct ValuesAvx2 {
  __m256i values;
  __m256i faults;  ///< zero where the character is of the alphabet
};

GRACEDB_AVX2 ValuesAvx2 to_values_avx2(const char* text) {
  // A character is of the alphabet where its lower half allows each class that its upper half is of. An index
  // with its highest bit set, which no character of the alphabet has, finds that nothing is allowed.
  const __m256i allowed_by_low =
      _mm256_setr_epi8(~0x15, ~0x11, ~0x11, ~0x11, ~0x11, ~0x11, ~0x11, ~0x11, ~0x11, ~0x11, ~0x13, ~0x1A,
                       ~0x1B, ~0x1B, ~0x1B, ~0x1A, ~0x15, ~0x11, ~0x11, ~0x11, ~0x11, ~0x11, ~0x11, ~0x11,
                       ~0x11, ~0x11, ~0x13, ~0x1A, ~0x1B, ~0x1B, ~0x1B, ~0x1A);
  const __m256i class_of_high = _mm256_setr_epi8(
      0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
      0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
  const __m256i distances = _mm256_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16,
                                             19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m256i slash = _mm256_set1_epi8('/');
  const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
  const __m256i high = _mm256_and_si256(_mm256_srli_epi32(block, 4), slash);
  const __m256i faults = _mm256_andnot_si256(_mm256_shuffle_epi8(allowed_by_low, block),
                                             _mm256_shuffle_epi8(class_of_high, high));
  const __m256i range = _mm256_add_epi8(_mm256_cmpeq_epi8(block, slash), high);
  return {_mm256_add_epi8(block, _mm256_shuffle_epi8(distances, range)), faults};
}

/// Puts four times six bits together and the three bytes of each side by side.
GRACEDB_AVX2 void store_joined_avx2(char* bytes, __m256i values) {
  const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
  const __m256i triples = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
  const __m256i packed =
      _mm256_shuffle_epi8(triples, _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1, 2,
                                                    1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes), _mm256_castsi256_si128(packed));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes + 12), _mm256_extracti128_si256(packed, 1));
}

GRACEDB_AVX2 bool any_avx2(__m256i faults) { return _mm256_testz_si256(faults, faults) == 0; }

GRACEDB_AVX2 std::size_t decode_avx2(const char* text, std::size_t size, char* bytes) {
  std::size_t done = 0;
  for (; size - done >= 128; done += 128, bytes += 96) {
    const ValuesAvx2 first = to_values_avx2(text + done);
    const ValuesAvx2 second = to_values_avx2(text + done + 32);
    const ValuesAvx2 third = to_values_avx2(text + done + 64);
    const ValuesAvx2 fourth = to_values_avx2(text + done + 96);
    if (any_avx2(_mm256_or_si256(_mm256_or_si256(first.faults, second.faults),
                                 _mm256_or_si256(third.faults, fourth.faults))))
      break;
    store_joined_avx2(bytes, first.values);
    store_joined_avx2(bytes + 24, second.values);
    store_joined_avx2(bytes + 48, third.values);
    store_joined_avx2(bytes + 72, fourth.values);
  }
  for (; size - done >= 32; done += 32, bytes += 24) {
    const ValuesAvx2 block = to_values_avx2(text + done);
    if (any_avx2(block.faults)) break;
    store_joined_avx2(bytes, block.values);
  }
  return done;
}

// ---- AVX-512 VBMI: 48 bytes and 64 characters at a time

alignas(64) constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Indices for a permutation of 64 bytes.
struct alignas(64) Indices {
  unsigned char at[64];
};

/// The bytes b of each three in the order b1 b0 b2 b1.
constexpr Indices spreading = [] {
  Indices indices{};
  constexpr unsigned char order[4] = {1, 0, 2, 1};
  for (unsigned i = 0; i < 64; ++i)
    indices.at[i] = static_cast<unsigned char>(i / 4 * 3 + order[i % 4]);
  return indices;
}();

/// The three lower bytes of each four, the highest first.
constexpr Indices joining = [] {
  Indices indices{};
  for (unsigned i = 0; i < 48; ++i)
    indices.at[i] = static_cast<unsigned char>(i / 3 * 4 + 2 - i % 3);
  return indices;
}();

/// The value of each character; 0x80 for one that has none.
struct alignas(64) Values {
  unsigned char of[128];
};
constexpr Values values_of_characters = [] {
  Values values{};
  for (unsigned char& value : values.of)
    value = 0x80;
  for (unsigned i = 0; i < 64; ++i)
    values.of[static_cast<unsigned char>(alphabet[i])] = static_cast<unsigned char>(i);
  return values;
}();

GRACEDB_VBMI std::size_t encode_vbmi(const char* bytes, std::size_t size, char* text) {
  const __m512i order = _mm512_load_si512(spreading.at);
  const __m512i characters = _mm512_load_si512(alphabet);
  const __m512i shifts = _mm512_set1_epi64(0x3036242a1016040aLL);
  constexpr __mmask64 first_48 = (__mmask64{1} << 48U) - 1;
  std::size_t done = 0;
  for (; size - done >= 48; done += 48, text += 64) {
    const __m512i block = _mm512_permutexvar_epi8(order, _mm512_maskz_loadu_epi8(first_48, bytes + done));
    const __m512i values = _mm512_multishift_epi64_epi8(shifts, block);
    _mm512_storeu_si512(text, _mm512_permutexvar_epi8(values, characters));
  }
  return done;
}

GRACEDB_VBMI std::size_t decode_vbmi(const char* text, std::size_t size, char* bytes) {
  const __m512i low = _mm512_load_si512(values_of_characters.of);
  const __m512i high = _mm512_load_si512(values_of_characters.of + 64);
  const __m512i order = _mm512_load_si512(joining.at);
  std::size_t done = 0;
  for (; size - done >= 64; done += 64, bytes += 48) {
    const __m512i block = _mm512_loadu_si512(text + done);
    const __m512i values = _mm512_permutex2var_epi8(low, block, high);
    if (_mm512_movepi8_mask(_mm512_or_si512(values, block)) != 0) break;
    const __m512i pairs = _mm512_maddubs_epi16(values, _mm512_set1_epi32(0x01400140));
    const __m512i triples = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00011000));
    _mm512_storeu_si512(bytes, _mm512_permutexvar_epi8(order, triples));
  }
  return done;
}

std::vector<Base64Kernel> find_kernels() {
  std::vector<Base64Kernel> kernels;
  if (__builtin_cpu_supports("avx512vbmi") != 0 && __builtin_cpu_supports("avx512bw") != 0)
    kernels.push_back({"AVX-512 VBMI", &encode_vbmi, &decode_vbmi});
  if (__builtin_cpu_supports("avx2") != 0) kernels.push_back({"AVX2", &encode_avx2, &decode_avx2});
  return kernels;
}

}  // namespace

std::span<const Base64Kernel> base64_kernels() {
  static const std::vector<Base64Kernel> kernels = find_kernels();
  return kernels;
}

}  // namespace gracedb::kafka

#else

namespace gracedb::kafka {

std::span<const Base64Kernel> base64_kernels() { return {}; }

}  // namespace gracedb::kafka

#endif

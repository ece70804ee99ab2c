#pragma once

#include <cstddef>
#include <span>

namespace gracedb::kafka {

/// Base64 by the vector instructions of one kind of processor. Both functions do as much from the front as
/// comes in whole blocks and say how much that was; the rest is for somebody else.
struct Base64Kernel {
  const char* name;  ///< e.g. "AVX2"
  /// @param text  has room for base64_size(size)
  /// @return how many bytes were encoded, a multiple of 3
  std::size_t (*encode)(const char* bytes, std::size_t size, char* text);
  /// Stops before the first block that holds anything but the 64 characters.
  /// @param bytes  has room for size / 4 * 3 and `decode_slack` more
  /// @return how many characters were decoded, a multiple of 4
  std::size_t (*decode)(const char* text, std::size_t size, char* bytes);
};

/// How far a kernel may write beyond the bytes it has decoded.
inline constexpr std::size_t decode_slack = 16;

/// Those that this processor can run, the fastest first; none on other processors than x86-64.
std::span<const Base64Kernel> base64_kernels();

}  // namespace gracedb::kafka

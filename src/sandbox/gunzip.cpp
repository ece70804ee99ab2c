#include "sandbox/gunzip.hpp"

#include "sandbox/event_parser.hpp"

#include <zlib.h>

#include <array>

namespace gracedb::sandbox {
namespace {

class Inflater {
 public:
  explicit Inflater(std::string_view data) {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, gzip_only) != Z_OK) throw std::bad_alloc();
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));  // NOLINT: zlib only reads it
    stream_.avail_in = static_cast<uInt>(data.size());
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Appends the next piece. @return false at the end
  bool inflate_into(std::string& output) {
    std::array<char, 65536> piece{};
    stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream_.avail_out = static_cast<uInt>(piece.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END)
      throw UnreadableEventFile("the gzip data is broken or cut off");
    output.append(piece.data(), piece.size() - stream_.avail_out);
    return result != Z_STREAM_END;
  }

 private:
  z_stream stream_{};
};

}  // namespace

bool is_gzipped(std::string_view data) { return data.starts_with("\x1f\x8b"); }

std::string gunzip(std::string_view data, std::size_t limit) {
  Inflater inflater(data);
  std::string output;
  while (inflater.inflate_into(output)) {
    if (output.size() > limit) throw UnreadableEventFile("the gzip data is too long when unpacked");
  }
  return output;
}

}  // namespace gracedb::sandbox

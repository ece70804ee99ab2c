#include "http/tls_stream.hpp"

#include <poll.h>

#include <algorithm>
#include <utility>

namespace gracedb::http {

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): the buffer is filled before it is read
TlsStream::TlsStream(SSL_CTX& context, int descriptor)
    : tls_(SSL_new(&context)),
      descriptor_(descriptor),
      local_(local_end(descriptor)),
      remote_(remote_end(descriptor)) {}

bool TlsStream::accept() {
  return tls_ && SSL_set_fd(tls_.get(), descriptor_) == 1 && SSL_accept(tls_.get()) == 1;
}

bool TlsStream::wait_for_request(std::chrono::milliseconds timeout) const {
  if (has_unread()) return true;
  pollfd state{descriptor_, POLLIN, 0};
  return ::poll(&state, 1, static_cast<int>(timeout.count())) > 0;
}

bool TlsStream::end_answer() {
  is_at_head_ = true;
  return send();
}

bool TlsStream::send() {
  if (written_.empty()) return true;
  const int sent = SSL_write(tls_.get(), written_.data(), static_cast<int>(written_.size()));
  written_.clear();
  return sent > 0;
}

void TlsStream::say_goodbye() { SSL_shutdown(tls_.get()); }

ssize_t TlsStream::read(char* to, std::size_t size) {
  if (begin_ == end_) {
    if (!end_answer()) return -1;  // the other side may wait for it before it sends more
    const int got = SSL_read(tls_.get(), received_.data(), static_cast<int>(received_.size()));
    if (got <= 0) return got;
    begin_ = 0;
    end_ = static_cast<std::size_t>(got);
  }
  const std::size_t taken = std::min(size, end_ - begin_);
  std::copy_n(received_.data() + begin_, taken, to);
  begin_ += taken;
  return static_cast<ssize_t>(taken);
}

ssize_t TlsStream::write(const char* from, std::size_t size) {
  written_.append(from, size);
  const bool is_head = std::exchange(is_at_head_, false);
  return is_head || send() ? static_cast<ssize_t>(size) : -1;
}

void TlsStream::get_remote_ip_and_port(std::string& address, int& port) const {
  address = remote_.address;
  port = remote_.port;
}

void TlsStream::get_local_ip_and_port(std::string& address, int& port) const {
  address = local_.address;
  port = local_.port;
}

}  // namespace gracedb::http

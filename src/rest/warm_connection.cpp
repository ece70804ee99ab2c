#include "rest/warm_connection.hpp"

#include "core/interruption.hpp"
#include "core/log.hpp"

#include <algorithm>

namespace gracedb::rest {
namespace {

constexpr log::Logger logger{"gracedb.rest"};

using namespace std::chrono_literals;

constexpr auto between_looks = 500ms;
/// What lies between us and the server may forget a connection without telling anybody.
constexpr auto longest_silence = 60s;
constexpr auto shortest_silence = 1s;

/// Ends the thread.
struct Stopped {};

}  // namespace

WarmConnection::WarmConnection(Session& session, ApiRootCache& root, bool stay)
    : session_(session), root_(root), stay_(stay), longest_silence_(longest_silence), thread_([this] {
        run();
      }) {}

WarmConnection::~WarmConnection() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

void WarmConnection::run() noexcept {
  const Interruptible end([this] {
    if (stopping_) throw Stopped();
  });
  try {
    try {
      root_.get();
    } catch (const std::exception& fault) {
      logger.debug("the API root could not be fetched ahead of time: {}", fault.what());
    }
    if (stay_) stay_open();
  } catch (const Stopped&) {  // The end.
  }
}

void WarmConnection::stay_open() {
  while (!is_stopped_within(between_looks)) {
    try {
      look();
    } catch (const std::exception& fault) {
      logger.debug("while keeping a connection open: {}", fault.what());
    }
  }
}

bool WarmConnection::is_stopped_within(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return stopped_.wait_for(lock, time, [this] { return stopping_.load(); });
}

void WarmConnection::look() {
  const auto idle = session_.idle_connection();
  if (!idle || (idle->is_open && idle->time < longest_silence_)) return;
  if (!idle->is_open) {
    const auto before_it_closes = idle->time / 5 * 4;
    longest_silence_ =
        std::clamp<std::chrono::steady_clock::duration>(before_it_closes, shortest_silence, longest_silence_);
  }
  session_.touch({.method = Method::head, .url = session_.service().text, .body = {}});
}

}  // namespace gracedb::rest

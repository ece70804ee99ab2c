#include "supervisor/fence.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace gracedb::supervisor {
namespace {

void move_to(std::vector<Rejected>& to, std::vector<Rejected>::iterator first, std::vector<Rejected>& from) {
  to.insert(to.end(), std::make_move_iterator(first), std::make_move_iterator(from.end()));
  from.erase(first, from.end());
}

bool comes_before(const Rejected& a, const Rejected& b) {
  const auto place = [](const Rejected& rejected) {
    const kafka::Message& message = *rejected.message;
    return std::tie(message.topic, message.partition, message.offset);
  };
  return place(a) < place(b);
}

}  // namespace

std::set<Partition> Fence::due(const Ledger& ledger) const {
  std::set<Partition> partitions;
  for (const Rejected& rejected : waiting_) {
    const Partition partition = Partition::of(*rejected.message);
    if (!is_beyond(partition) && ledger.has_turn(*rejected.message)) partitions.insert(partition);
  }
  return partitions;
}

void Fence::sent(const Ledger& ledger) {
  const auto first = std::stable_partition(waiting_.begin(), waiting_.end(), [&](const Rejected& rejected) {
    return is_beyond(Partition::of(*rejected.message)) || !ledger.has_turn(*rejected.message);
  });
  move_to(asked_, first, waiting_);
}

std::vector<Rejected> Fence::taken() {
  std::sort(asked_.begin(), asked_.end(), comes_before);
  for (const Rejected& rejected : asked_)
    beyond_[Partition::of(*rejected.message)].insert(rejected.id);
  return std::exchange(asked_, {});
}

void Fence::failed() { move_to(waiting_, asked_.begin(), asked_); }

void Fence::done(const Rejected& rejected) {
  const auto found = beyond_.find(Partition::of(*rejected.message));
  if (found == beyond_.end()) return;
  found->second.erase(rejected.id);
  if (found->second.empty()) beyond_.erase(found);
}

std::set<Partition> Fence::beyond() const {
  std::set<Partition> partitions;
  for (const auto& [partition, ids] : beyond_)
    partitions.insert(partition);
  return partitions;
}

std::vector<Window::Id> Fence::drop(const Partition& partition) {
  std::vector<Window::Id> dropped;
  for (std::vector<Rejected>* each : {&waiting_, &asked_}) {
    std::erase_if(*each, [&](const Rejected& rejected) {
      const bool is_of_it = Partition::of(*rejected.message) == partition;
      if (is_of_it) dropped.push_back(rejected.id);
      return is_of_it;
    });
  }
  return dropped;
}

}  // namespace gracedb::supervisor

#pragma once

#include "supervisor/ledger.hpp"
#include "supervisor/rejected.hpp"

#include <map>
#include <set>
#include <vector>

namespace gracedb::supervisor {

/// Where a message that is to be set aside waits until nothing before it on its partition is left to do, and
/// until the broker takes a commit that was sent after that. So its letter can be one transaction with the
/// group's position behind it; and a process that has been away for longer than its session, and goes on with
/// what it had fetched while others have its partitions, is found out before it sets anything aside.
///
/// While messages of a partition are beyond the fence, nobody else may commit for it: what was sent earlier
/// and comes later would put the group's position back before them.
class Fence {
 public:
  void hold(Rejected rejected) { waiting_.push_back(std::move(rejected)); }

  /// The partitions of messages whose turn it is, and which have none beyond the fence.
  std::set<Partition> due(const Ledger& ledger) const;
  /// A commit of these partitions leaves, whose answer counts for those whose turn it is now.
  void sent(const Ledger& ledger);
  /// The broker has taken it. @return those it was for, in their order; they are beyond now
  std::vector<Rejected> taken();
  /// It has not: they wait for the next.
  void failed();

  /// One that was beyond is set aside, or comes back.
  void done(const Rejected& rejected);
  /// True if messages of this partition are beyond.
  bool is_beyond(const Partition& partition) const { return beyond_.contains(partition); }
  std::set<Partition> beyond() const;

  /// Forgets the messages of a partition that are not beyond; returns which those were.
  std::vector<Window::Id> drop(const Partition& partition);
  /// Forgets also those that are.
  void forget(const Partition& partition) { beyond_.erase(partition); }

 private:
  std::vector<Rejected> waiting_;
  std::vector<Rejected> asked_;
  std::map<Partition, std::set<Window::Id>> beyond_;
};

}  // namespace gracedb::supervisor

#include "flow.h"

#include <netinet/in.h>

namespace wan {
namespace {

// So many are remembered one by one, and twice as many when they do not end.
constexpr size_t kManyFlows = 4096;
constexpr Nanos kIdle = 60 * kSecond;

}  // namespace

Flow* FlowTable::Find(const Headers& headers, Direction direction, int uplink, Nanos now) {
  const TcpHeader& tcp = headers.tcp;
  const bool opens = headers.is_tcp && (tcp.flags & (TcpHeader::kSyn | TcpHeader::kAck)) == TcpHeader::kSyn;
  Flow*& known = by_key_[headers.key];
  Flow* flow = known;
  // The same ports once more, by another connection: a flow of its own. A SYN that is sent again has the same number.
  const bool is_new = flow == nullptr || (opens && (!flow->has_syn || flow->first_sequence != tcp.sequence));
  if (is_new) {
    flows_.push_back(std::make_unique<Flow>(headers.key, ++numbers_, uplink));
    known = flow = flows_.back().get();
    flow->first = flow->last = now;
    flow->has_syn = opens;
    if (opens) flow->first_sequence = tcp.sequence;
    Route(flow);
    if (flows_.size() >= kManyFlows && numbers_ % kManyFlows == 0) Forget(now);
  }
  flow->last = now;
  if (headers.is_tcp) {
    FlowHalf& half = flow->In(direction);
    const uint32_t end = tcp.sequence + tcp.length;
    if (!half.seen || static_cast<int32_t>(end - half.sequence_end) > 0) half.sequence_end = end;
    if ((tcp.flags & TcpHeader::kAck) != 0 &&
        (!half.seen || static_cast<int32_t>(tcp.acknowledged - half.acknowledged) > 0)) {
      half.acknowledged = tcp.acknowledged;
    }
    half.seen = true;
    if ((tcp.flags & (TcpHeader::kFin | TcpHeader::kRst)) != 0) half.ended = true;
    if ((tcp.flags & TcpHeader::kRst) != 0) flow->In(Other(direction)).ended = true;
  }
  return flow;
}

void FlowTable::Route(Flow* flow) {
  std::vector<Path*> up;
  for (const auto& path : *paths_) {
    if (path->uplink == flow->uplink && path->is_up) up.push_back(path.get());
  }
  flow->path = nullptr;
  if (up.empty()) return;
  const bool has_ports = flow->key.protocol == IPPROTO_TCP || flow->key.protocol == IPPROTO_UDP;
  if (spread_ == Spread::kDeal && has_ports) {
    flow->path = up[dealt_[flow->uplink]++ % up.size()];
    return;
  }
  // The path that ranks highest for this flow: one that goes away moves its own flows only.
  uint64_t highest = 0;
  for (Path* path : up) {
    const uint64_t rank = flow->key.Hash(Mix(seed_) + path->number);
    if (flow->path == nullptr || rank > highest) {
      highest = rank;
      flow->path = path;
    }
  }
}

void FlowTable::Reroute() {
  for (const auto& flow : flows_) {
    const bool lost = flow->path == nullptr || !flow->path->is_up;
    if (lost || spread_ == Spread::kHash) Route(flow.get());
  }
}

void FlowTable::Forget(Nanos now) {
  size_t kept = 0;
  for (auto& flow : flows_) {
    const bool idle = now - flow->last > (flow->IsOver() ? kSecond : kIdle);
    if (flow->Inside() || !idle) {
      flows_[kept++] = std::move(flow);
      continue;
    }
    const auto known = by_key_.find(flow->key);
    if (known != by_key_.end() && known->second == flow.get()) by_key_.erase(known);
    forgotten_++;
    for (const Direction direction : kDirections) {
      forgotten_counters_[Index(direction)].Add(flow->In(direction).counters);
    }
  }
  flows_.resize(kept);
}

}  // namespace wan

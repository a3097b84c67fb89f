// Flows, as a router tells them apart: protocol, addresses and ports. A flow keeps its path while that is up.
#ifndef TCP_STRIPER_WAN_FLOW_H_
#define TCP_STRIPER_WAN_FLOW_H_

#include <memory>
#include <unordered_map>
#include <vector>

#include "packet.h"
#include "path.h"
#include "token_bucket.h"

namespace wan {

// What one end of a flow has sent, and what is done to that.
struct FlowHalf {
  Counters counters;
  TokenBucket policer;
  std::unique_ptr<RateQueue> shaper;
  // TCP: after the last byte seen, and the last acknowledgement, which is what that end expects next.
  uint32_t sequence_end = 0;
  uint32_t acknowledged = 0;
  bool seen = false;
  bool ended = false;  // with FIN or RST
};

struct Flow {
  Flow(const FlowKey& key, int64_t number, int uplink) : key(key), number(number), uplink(uplink) {}

  FlowHalf& In(Direction direction) { return halves[Index(direction)]; }
  const FlowHalf& In(Direction direction) const { return halves[Index(direction)]; }
  bool Inside() const { return halves[0].counters.inside.packets + halves[1].counters.inside.packets > 0; }
  bool IsOver() const { return is_reset || (halves[0].ended && halves[1].ended); }

  FlowKey key;
  int64_t number;
  int uplink;
  Path* path = nullptr;
  FlowHalf halves[2];
  uint32_t first_sequence = 0;  // of the SYN that began it
  bool has_syn = false;
  bool is_reset = false;
  Nanos first = 0;
  Nanos last = 0;
};

class FlowTable {
 public:
  FlowTable(Spread spread, uint64_t seed, std::vector<std::unique_ptr<Path>>* paths)
      : spread_(spread), seed_(seed), paths_(paths) {}

  // The flow that a packet belongs to, a new one if need be.
  Flow* Find(const Headers& headers, Direction direction, int uplink, Nanos now);

  // After a path came up or went down: who has to, or had to, go another way. Hashed flows come back to their path,
  // dealt ones stay where they are.
  void Reroute();

  // Calls with each flow that is not forgotten, in the order of their numbers.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const auto& flow : flows_) visit(flow.get());
  }
  // Those that were forgotten, together.
  int64_t forgotten() const { return forgotten_; }
  const Counters& forgotten_counters(Direction direction) const { return forgotten_counters_[Index(direction)]; }

 private:
  struct KeyHash {
    size_t operator()(const FlowKey& key) const { return key.Hash(0); }
  };

  void Route(Flow* flow);
  void Forget(Nanos now);

  Spread spread_;
  uint64_t seed_;
  std::vector<std::unique_ptr<Path>>* paths_;
  std::vector<std::unique_ptr<Flow>> flows_;
  std::unordered_map<FlowKey, Flow*, KeyHash> by_key_;
  std::unordered_map<int, size_t> dealt_;  // by uplink
  int64_t numbers_ = 0;
  int64_t forgotten_ = 0;
  Counters forgotten_counters_[2];
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_FLOW_H_

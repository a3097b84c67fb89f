// What is due when, the earliest first; what is due at the same time, in the order in which it was put in.
#ifndef TCP_STRIPER_WAN_SCHEDULE_H_
#define TCP_STRIPER_WAN_SCHEDULE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "units.h"

namespace wan {

enum class DueKind : uint8_t { kServed, kArrives, kEvent };

struct Due {
  Nanos at;
  uint64_t order;
  DueKind kind;
  void* what;  // a RateQueue, a Packet, a Network::Entry
};

class Schedule {
 public:
  void Put(Nanos at, DueKind kind, void* what) {
    auto& heap = kind == DueKind::kServed ? served_ : prompt_;
    heap.push_back({at, order_++, kind, what});
    std::push_heap(heap.begin(), heap.end(), Later);
  }

  Nanos Next() const { return std::min(Earliest(served_), Earliest(prompt_)); }

  // When the program has to wake up. What is served late still counts from the time at which it was due, and nobody
  // notices before a link's delay has passed since: most packets need one wake-up and not three.
  Nanos NextWakeUp(Nanos least_delay) const {
    const Nanos served = Earliest(served_);
    return std::min(served == kNever ? kNever : served + least_delay, Earliest(prompt_));
  }

  Due Take() {
    const bool is_served = !served_.empty() && (prompt_.empty() || Later(prompt_.front(), served_.front()));
    auto& heap = is_served ? served_ : prompt_;
    std::pop_heap(heap.begin(), heap.end(), Later);
    const Due due = heap.back();
    heap.pop_back();
    return due;
  }

 private:
  static bool Later(const Due& a, const Due& b) { return a.at != b.at ? a.at > b.at : a.order > b.order; }
  static Nanos Earliest(const std::vector<Due>& heap) { return heap.empty() ? kNever : heap.front().at; }

  std::vector<Due> served_;
  std::vector<Due> prompt_;
  uint64_t order_ = 0;
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_SCHEDULE_H_

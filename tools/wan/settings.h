// What one direction of a path is like. A scenario sets it, events change it.
#ifndef TCP_STRIPER_WAN_SETTINGS_H_
#define TCP_STRIPER_WAN_SETTINGS_H_

#include <algorithm>

#include "units.h"

namespace wan {

// From the client to the server, and back.
enum class Direction : uint8_t { kUp, kDown };
constexpr Direction kDirections[] = {Direction::kUp, Direction::kDown};
constexpr const char* kDirectionNames[] = {"up", "down"};

inline unsigned Index(Direction direction) { return static_cast<unsigned>(direction); }
inline Direction Other(Direction direction) { return direction == Direction::kUp ? Direction::kDown : Direction::kUp; }

// How much waits in a queue: bytes, packets, or so much time at the rate that empties it.
struct QueueLimit {
  enum class Kind : uint8_t { kBytes, kPackets, kTime };
  Kind kind = Kind::kTime;
  int64_t amount = 100 * kMillisecond;

  int64_t Bytes(int64_t rate, int64_t mtu) const {
    if (kind == Kind::kBytes) return std::max(amount, mtu);
    if (kind == Kind::kPackets) return amount * mtu;
    // What has no rate queues only while it is frozen.
    if (rate == 0) return 16 << 20;
    const double bytes = static_cast<double>(rate) / 8 * static_cast<double>(amount) / kSecond;
    // A queue with no room for two packets would make any link useless.
    return std::max(static_cast<int64_t>(bytes), 2 * mtu);
  }
};

enum class FlowCap : uint8_t { kShaper, kPolicer };

struct LinkSettings {
  int64_t rate = 0;
  Nanos delay = 0;
  Nanos jitter = 0;
  double loss = 0;
  double loss_burst = 1;
  double reorder = 0;
  Nanos reorder_by = 10 * kMillisecond;
  QueueLimit queue;
  int64_t flow_rate = 0;
  FlowCap flow_cap = FlowCap::kShaper;
  QueueLimit flow_queue;
  int64_t flow_burst = 64000;
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_SETTINGS_H_

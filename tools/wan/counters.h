// What is counted of each direction of a path and of a flow, in packets and in bytes of IP.
#ifndef TCP_STRIPER_WAN_COUNTERS_H_
#define TCP_STRIPER_WAN_COUNTERS_H_

#include <cstddef>
#include <cstdint>

namespace wan {

enum class Drop : uint8_t {
  kLoss,       // at random, on the link
  kQueue,      // no room in the link's queue
  kFlowQueue,  // no room in the queue of the flow's shaper
  kPolicer,    // above the flow's rate
  kBlackhole,
  kDown,    // no path of the uplink was up
  kReset,   // of a flow that was reset
  kDevice,  // the kernel did not take it at the far end
};
constexpr const char* kDropNames[] = {"loss", "queue", "flowQueue", "policer", "blackhole", "down", "reset", "device"};
constexpr size_t kDropCauses = sizeof kDropNames / sizeof kDropNames[0];

struct Amount {
  uint64_t packets = 0;
  uint64_t bytes = 0;

  void Add(uint64_t size) {
    packets++;
    bytes += size;
  }
  void Remove(uint64_t size) {
    packets--;
    bytes -= size;
  }
  void Add(const Amount& other) {
    packets += other.packets;
    bytes += other.bytes;
  }
};

struct Counters {
  Amount in;
  Amount out;
  // In a queue or on the link; counted by itself, so that in = out + dropped + inside can be checked.
  Amount inside;
  Amount drops[kDropCauses];

  void Add(const Counters& other) {
    in.Add(other.in);
    out.Add(other.out);
    inside.Add(other.inside);
    for (size_t i = 0; i < kDropCauses; i++) drops[i].Add(other.drops[i]);
  }
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_COUNTERS_H_

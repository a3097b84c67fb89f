// The network between the two hosts: paths, flows, and what happens to packets on the way.
//
//   Arrive --> policer or shaper of the flow --> transmitter and queue of the link --> loss, delay --> Output
//
// It knows no clock: it is told the time, and says when it wants to be told again. The program runs it in real time,
// the self-test in a simulated one.
#ifndef TCP_STRIPER_WAN_NETWORK_H_
#define TCP_STRIPER_WAN_NETWORK_H_

#include <memory>
#include <vector>

#include "flow.h"
#include "packet.h"
#include "path.h"
#include "scenario.h"
#include "schedule.h"

namespace wan {

class Output {
 public:
  virtual ~Output() = default;
  // A packet is at the far end, and should have been there at `due`. False when it was not taken.
  virtual bool Deliver(Direction direction, int uplink, const uint8_t* data, size_t size, Nanos due) = 0;
};

class Network {
 public:
  Network(const Scenario& scenario, uint64_t seed, Output* output);

  // Begins the events' time line.
  void StartEvents(Nanos now);

  // Memory for a packet that is to arrive.
  Packet* Take() { return pool_.Take(); }
  void GiveBack(Packet* packet) { pool_.Give(packet); }
  size_t most_bytes() const { return pool_.most_bytes(); }

  // A packet left a host. Takes it over.
  void Arrive(Packet* packet, Direction direction, int uplink, Nanos now);

  // Does what was due until now.
  void Run(Nanos now);
  // When that is to be done next, at the latest.
  Nanos NextWakeUp() const { return schedule_.NextWakeUp(least_delay_); }

  // Throws ScenarioError when it cannot be done.
  void Do(const Action& action, Nanos now);

  const std::vector<std::unique_ptr<Path>>& paths() const { return paths_; }
  const FlowTable& flows() const { return flows_; }
  // Packets that are no IPv4, or whose address is of no uplink.
  const Amount& strays() const { return strays_; }
  int64_t resets() const { return resets_; }

 private:
  // An event, or the end of what one did for a time.
  struct Entry {
    Event event;
    Action undo;
    bool is_undo = false;
  };

  void FindLeastDelay();
  void ToLink(Packet* packet, Nanos now);
  void OntoTheWay(Packet* packet, Nanos now);
  void Deliver(Packet* packet, Nanos due);
  void Served(RateQueue* queue, Nanos now);
  void Happens(Entry* entry, Nanos now);
  void DoToPath(const Action& action, Path* path, Nanos now);
  void Reset(Flow* flow, Nanos now);
  void AnswerWithReset(const Headers& headers, const Flow& flow, Direction direction, Nanos now);
  void SendReset(const Flow& flow, Direction direction, uint32_t sequence, uint32_t acknowledged, Nanos now);
  void Leave(Packet* packet, Drop cause);
  void Refuse(Packet* packet, Drop cause);
  bool HasUplink(int uplink) const;

  const Scenario scenario_;
  Output* output_;
  Schedule schedule_;
  std::vector<std::unique_ptr<Path>> paths_;
  FlowTable flows_;
  PacketPool pool_;
  Random event_random_;
  std::vector<std::unique_ptr<Entry>> entries_;
  Nanos least_delay_ = 0;
  Amount strays_;
  int64_t resets_ = 0;
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_NETWORK_H_

// A path: a link each way. A link is a transmitter with its queue, and then the way itself, on which packets are lost,
// delayed and overtaken.
#ifndef TCP_STRIPER_WAN_PATH_H_
#define TCP_STRIPER_WAN_PATH_H_

#include "jitter.h"
#include "loss.h"
#include "rate_queue.h"
#include "scenario.h"

namespace wan {

class Link {
 public:
  Link(const LinkSettings& settings, int64_t mtu, uint64_t seed, uint64_t stream, Schedule* schedule)
      : queue(RateQueue::Stage::kLink, schedule), settings_(settings), mtu_(mtu), random_(seed, stream) {
    Update();
  }

  const LinkSettings& settings() const { return settings_; }
  void Set(const std::string& key, const std::string& value) {
    SetLink(&settings_, key, value);
    Update();
  }

  bool Loses() { return loss_.Loses(random_); }

  // When a packet that left the transmitter now is at the far end. They keep their order, but for those picked to be
  // late.
  Nanos Arrival(Nanos now) {
    const Nanos due = now + settings_.delay + jitter_.At(now, random_);
    if (random_.Chance(settings_.reorder)) return due + settings_.reorder_by;
    latest_ = std::max(due, latest_);
    return latest_;
  }

  RateQueue queue;
  Counters counters;
  Amount on_the_way;
  bool blackholed = false;

 private:
  void Update() {
    queue.Set(settings_.rate, settings_.queue, mtu_);
    loss_.Set(settings_.loss, settings_.loss_burst);
    jitter_.Set(settings_.jitter);
  }

  LinkSettings settings_;
  int64_t mtu_;
  Random random_;
  Loss loss_;
  Jitter jitter_;
  Nanos latest_ = 0;
};

struct Path {
  Path(const PathSpec& spec, size_t number, int64_t mtu, uint64_t seed, Schedule* schedule)
      : name(spec.name),
        uplink(spec.uplink),
        number(number),
        links{Link(spec.links[0], mtu, seed, 2 * number, schedule),
              Link(spec.links[1], mtu, seed, 2 * number + 1, schedule)} {}

  Link& In(Direction direction) { return links[Index(direction)]; }
  const Link& In(Direction direction) const { return links[Index(direction)]; }

  std::string name;
  int uplink;
  size_t number;
  Link links[2];
  bool is_up = true;
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_PATH_H_

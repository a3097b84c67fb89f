// A first-in-first-out queue that is emptied at a rate: a link's transmitter, or the shaper of one flow.
//
// Times are those at which things were due, not at which the program came round to them: a wake-up that is late costs
// no throughput, the packets after it leave when they would have left anyway.
#ifndef TCP_STRIPER_WAN_RATE_QUEUE_H_
#define TCP_STRIPER_WAN_RATE_QUEUE_H_

#include "counters.h"
#include "packet.h"
#include "schedule.h"

namespace wan {

class RateQueue {
 public:
  enum class Stage : uint8_t { kFlow, kLink };

  RateQueue(Stage stage, Schedule* schedule) : schedule_(schedule), stage_(stage) {}

  void Set(int64_t rate, const QueueLimit& limit, int64_t mtu) {
    rate_ = rate;
    limit_ = static_cast<uint64_t>(limit.Bytes(rate, mtu));
  }

  // False when it is full; the packet is then the caller's still.
  bool Put(Packet* packet, Nanos now) {
    if (waiting_.bytes + packet->size > limit_ && first_ != nullptr) return false;
    packet->next = nullptr;
    if (first_ == nullptr) {
      first_ = packet;
    } else {
      last_->next = packet;
    }
    last_ = packet;
    waiting_.Add(packet->size);
    high_water_ = std::max(high_water_, waiting_.bytes);
    if (!serving_ && !frozen_) Serve(now);
    return true;
  }

  // When the schedule says that it has served: the packet that leaves, or null when it froze meanwhile.
  Packet* Take(Nanos now) {
    serving_ = false;
    if (frozen_) return nullptr;
    Packet* packet = first_;
    first_ = packet->next;
    waiting_.Remove(packet->size);
    if (first_ != nullptr) Serve(now);
    return packet;
  }

  void Freeze() { frozen_ = true; }
  void Thaw(Nanos now) {
    frozen_ = false;
    if (first_ != nullptr && !serving_) Serve(now);
  }

  Stage stage() const { return stage_; }
  const Amount& waiting() const { return waiting_; }
  uint64_t high_water() const { return high_water_; }

 private:
  void Serve(Nanos start) {
    serving_ = true;
    const Nanos takes = rate_ == 0 ? 0 : static_cast<Nanos>(first_->size) * 8 * kSecond / rate_;
    schedule_->Put(start + takes, DueKind::kServed, this);
  }

  Schedule* schedule_;
  Packet* first_ = nullptr;
  Packet* last_ = nullptr;
  int64_t rate_ = 0;
  uint64_t limit_ = 0;
  Amount waiting_;
  uint64_t high_water_ = 0;
  Stage stage_;
  bool serving_ = false;
  bool frozen_ = false;
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_RATE_QUEUE_H_

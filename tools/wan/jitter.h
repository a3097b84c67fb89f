// A delay that wanders: between 0 and `most`, in straight lines from one random value to the next. Drawn anew for each
// packet it would, since packets keep their order, be close to `most` for all of them as soon as they come densely.
#ifndef TCP_STRIPER_WAN_JITTER_H_
#define TCP_STRIPER_WAN_JITTER_H_

#include <algorithm>

#include "random.h"
#include "units.h"

namespace wan {

class Jitter {
 public:
  void Set(Nanos most) { most_ = most; }

  Nanos At(Nanos now, Random& random) {
    if (most_ == 0) return 0;
    const Nanos step = std::max(10 * kMillisecond, 2 * most_);
    if (now >= end_) {
      // After a silence the old value says nothing.
      from_ = now < end_ + step ? to_ : random.Share();
      to_ = random.Share();
      start_ = now < end_ + step ? end_ : now;
      end_ = start_ + step;
    }
    const double part = static_cast<double>(now - start_) / static_cast<double>(step);
    const double value = from_ + (to_ - from_) * std::clamp(part, 0.0, 1.0);
    return static_cast<Nanos>(value * static_cast<double>(most_));
  }

 private:
  Nanos most_ = 0;
  Nanos start_ = 0;
  Nanos end_ = 0;
  double from_ = 0;
  double to_ = 0;
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_JITTER_H_

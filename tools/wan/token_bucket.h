// What a policer asks: fills at a rate up to a burst; who finds too little in it goes without.
#ifndef TCP_STRIPER_WAN_TOKEN_BUCKET_H_
#define TCP_STRIPER_WAN_TOKEN_BUCKET_H_

#include <algorithm>

#include "units.h"

namespace wan {

class TokenBucket {
 public:
  // Rate in bits per second, not 0; burst in bytes. Full at first.
  bool Take(int64_t bytes, int64_t rate, int64_t burst, Nanos now) {
    const auto most = static_cast<double>(burst);
    const double filled = static_cast<double>(now - at_) * static_cast<double>(rate) / (8.0 * kSecond);
    level_ = fresh_ ? most : std::min(most, level_ + filled);
    fresh_ = false;
    at_ = now;
    if (level_ < static_cast<double>(bytes)) return false;
    level_ -= static_cast<double>(bytes);
    return true;
  }

 private:
  double level_ = 0;
  Nanos at_ = 0;
  bool fresh_ = true;
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_TOKEN_BUCKET_H_

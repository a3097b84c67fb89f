// Which packets a link loses at random.
//
// Without bursts each packet by itself. With bursts after Gilbert and Elliott: a link is well, or in a burst, in which
// it loses everything; the chances to change over make `share` the losses in the long run and `burst` the mean run of
// them.
#ifndef TCP_STRIPER_WAN_LOSS_H_
#define TCP_STRIPER_WAN_LOSS_H_

#include "random.h"

namespace wan {

class Loss {
 public:
  void Set(double share, double burst) {
    share_ = share;
    leave_ = burst > 1 ? 1 / burst : 0;
    enter_ = share < 1 ? share * leave_ / (1 - share) : 1;
    if (leave_ == 0) in_burst_ = false;
  }

  bool Loses(Random& random) {
    if (leave_ == 0 || share_ <= 0 || share_ >= 1) return random.Chance(share_);
    in_burst_ = in_burst_ ? !random.Chance(leave_) : random.Chance(enter_);
    return in_burst_;
  }

 private:
  double share_ = 0;
  double enter_ = 0;
  double leave_ = 0;
  bool in_burst_ = false;
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_LOSS_H_

// What the emulator saw, as JSON and as a few lines for a person.
#ifndef TCP_STRIPER_WAN_REPORT_H_
#define TCP_STRIPER_WAN_REPORT_H_

#include <string>
#include <vector>

#include "network.h"

namespace wan {

// How the program itself fared: whether its figures can be believed.
struct Effort {
  double seconds = 0;
  double user_seconds = 0;
  double system_seconds = 0;
  uint64_t wakeups = 0;
  // How late packets were handed over, against the time they were due: on average, and at worst.
  double mean_late_us = 0;
  double most_late_us = 0;
  // Handed over more than a millisecond late.
  uint64_t late_packets = 0;

  struct Device {
    std::string host;
    std::string name;
    // Packets that the kernel dropped before the emulator saw them, since it came too late.
    uint64_t overrun = 0;
  };
  std::vector<Device> devices;
};

std::string JsonReport(const Scenario& scenario, uint64_t seed, const Network& network, const Effort& effort);
std::string Summary(const Network& network, const Effort& effort);

}  // namespace wan

#endif  // TCP_STRIPER_WAN_REPORT_H_

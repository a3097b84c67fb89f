// Runs a network in real time: packets from and to the TUN devices, signals, the command that it all is for.
#ifndef TCP_STRIPER_WAN_EMULATOR_H_
#define TCP_STRIPER_WAN_EMULATOR_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "command.h"
#include "control.h"
#include "hosts.h"
#include "network.h"
#include "report.h"

namespace wan {

class Emulator : private Output {
 public:
  Emulator(const Scenario& scenario, uint64_t seed, const Hosts* hosts);
  ~Emulator() override;

  const std::string& control_path() const { return control_.path(); }
  // Until the command has ended; its exit code. With `hold` the events wait for `wan say go`.
  int Run(Command* command, bool hold);

  std::string Report() const;
  std::string SummaryText() const { return Summary(network_, Measure()); }

 private:
  bool Deliver(Direction direction, int uplink, const uint8_t* data, size_t size, Nanos due) override;
  void Read(const Device& device);
  void Watch(int fd, uint64_t tag);
  void Rest();
  void Wait(Command* command);
  std::string Answer(const std::string& line);
  void StartEvents();
  Effort Measure() const;

  const Scenario scenario_;
  uint64_t seed_;
  const Hosts* hosts_;
  Network network_;
  ControlServer control_;
  int server_fd_ = -1;
  std::map<int, int> client_fds_;  // by uplink
  int epoll_fd_;
  bool events_started_ = false;
  Nanos started_ = 0;
  Nanos woken_ = 0;
  uint64_t wakeups_ = 0;
  uint64_t delivered_ = 0;
  Nanos late_ = 0;
  Nanos most_late_ = 0;
  uint64_t late_packets_ = 0;
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_EMULATOR_H_

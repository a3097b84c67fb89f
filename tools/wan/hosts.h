// The two hosts at the ends of the network: a network namespace each, with a TUN device for every uplink at the client
// and one at the server. Names carry our process id; those that a process left behind that is gone are removed.
#ifndef TCP_STRIPER_WAN_HOSTS_H_
#define TCP_STRIPER_WAN_HOSTS_H_

#include <stdexcept>
#include <string>
#include <vector>

#include "scenario.h"

namespace wan {

// Something that this machine lacks or refuses, in words that say what to do.
class SetupError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

std::string ClientAddress(int uplink);
std::string ServerAddress(int uplink);

struct Device {
  int fd = -1;
  Direction sends = Direction::kUp;  // where its packets go
  int uplink = 0;                    // of the client's devices
  std::string name;
};

class Hosts {
 public:
  // The congestion control is that of connections that choose none themselves; empty: the machine's.
  Hosts(const Scenario& scenario, const std::string& congestion);
  // Ends what still runs in the namespaces, and removes them.
  ~Hosts();
  Hosts(const Hosts&) = delete;
  Hosts& operator=(const Hosts&) = delete;

  const std::string& client() const { return names_[0]; }
  const std::string& server() const { return names_[1]; }
  const std::vector<Device>& devices() const { return devices_; }
  // Packets that the kernel dropped because the device's queue was full.
  uint64_t Overrun(const Device& device) const;

 private:
  void MakeClient(const Scenario& scenario, const std::string& congestion);
  void MakeServer(const Scenario& scenario, const std::string& congestion);
  void OpenDevice(const std::string& name, Direction sends, int uplink);
  void Remove();

  std::string names_[2];
  std::vector<Device> devices_;
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_HOSTS_H_

#include "hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "namespaces.h"

namespace wan {
namespace {

constexpr const char* kPrefixes[] = {"wan-client", "wan-server"};
// Packets that the kernel keeps for us while we do something else: some 50 ms at 1 Gbit/s.
constexpr int kDeviceQueue = 4000;
constexpr int kFirstTable = 100;

std::string Address(int uplink, int host) { return "10.77." + std::to_string(uplink) + "." + std::to_string(host); }

// IPv6 would only bring router solicitations; reverse-path filters would drop what takes another uplink than the routes
// say; and what TCP remembers of a peer would make the second transfer differ from the first.
void Prepare(const std::string& name) {
  Ip({"-n", name, "link", "set", "lo", "up"});
  const InNamespace in(name);
  WriteSysctl("net/ipv6/conf/all/disable_ipv6", "1");
  WriteSysctl("net/ipv6/conf/default/disable_ipv6", "1");
  WriteSysctl("net/ipv4/conf/all/rp_filter", "0");
  WriteSysctl("net/ipv4/conf/default/rp_filter", "0");
  WriteSysctl("net/ipv4/tcp_no_metrics_save", "1");
}

std::string UpCommands(const std::string& device, int64_t mtu) {
  std::ostringstream out;
  out << "link set " << device << " mtu " << mtu << " txqueuelen " << kDeviceQueue << " up\n";
  return out.str();
}

// Routes carry the congestion control: as a sysctl of the namespace the kernel takes only those that it allows
// everybody.
std::string Congestion(const std::string& name) { return name.empty() ? "" : " congctl " + name; }

std::string AddressCommands(const std::string& device, int uplink, const std::string& address,
                            const std::string& congestion) {
  return "addr add " + address + "/24 dev " + device + " noprefixroute\n" + "route add " + Address(uplink, 0) +
         "/24 dev " + device + " src " + address + Congestion(congestion) + "\n";
}

std::string DefaultRoute(const std::string& device, const std::string& congestion) {
  return "route add default dev " + device + Congestion(congestion);
}

}  // namespace

std::string ClientAddress(int uplink) { return Address(uplink, 1); }
std::string ServerAddress(int uplink) { return Address(uplink, 2); }

Hosts::Hosts(const Scenario& scenario, const std::string& congestion) {
  if (geteuid() != 0) throw SetupError("network namespaces and TUN devices need root: run it with sudo");
  if (access("/dev/net/tun", R_OK | W_OK) != 0) {
    throw SetupError(
        "there is no /dev/net/tun here: `modprobe tun`, or give the container the device (docker run --device "
        "/dev/net/tun "
        "--cap-add NET_ADMIN --cap-add SYS_ADMIN)");
  }
  RemoveStale({kPrefixes[0], kPrefixes[1]});
  try {
    for (int i = 0; i < 2; i++) {
      const std::string name = std::string(kPrefixes[i]) + "-" + std::to_string(getpid());
      Ip({"netns", "add", name});
      names_[i] = name;
      Prepare(name);
    }
    MakeClient(scenario, congestion);
    MakeServer(scenario, congestion);
  } catch (...) {
    Remove();
    throw;
  }
}

Hosts::~Hosts() { Remove(); }

// The address that a socket is bound to decides the uplink, by a rule for each. Sockets bound to a device find their
// way through the default routes; who binds nothing takes the uplink of the server's address.
void Hosts::MakeClient(const Scenario& scenario, const std::string& congestion) {
  std::string commands;
  for (const int uplink : scenario.Uplinks()) {
    const std::string device = "wan" + std::to_string(uplink);
    OpenDevice(device, Direction::kUp, uplink);
    const std::string table = std::to_string(kFirstTable + uplink);
    commands += UpCommands(device, scenario.mtu) + AddressCommands(device, uplink, ClientAddress(uplink), congestion);
    commands += DefaultRoute(device, congestion) + " metric " + std::to_string(uplink) + "\n";
    commands += DefaultRoute(device, congestion) + " table " + table + "\n";
    commands += "rule add from " + ClientAddress(uplink) + " table " + table + "\n";
  }
  Ip({"-n", client(), "-batch", "-"}, commands);
}

void Hosts::MakeServer(const Scenario& scenario, const std::string& congestion) {
  OpenDevice("wan", Direction::kDown, 0);
  std::string commands = UpCommands("wan", scenario.mtu);
  for (const int uplink : scenario.Uplinks()) {
    commands += AddressCommands("wan", uplink, ServerAddress(uplink), congestion);
  }
  commands += DefaultRoute("wan", congestion) + "\n";
  Ip({"-n", server(), "-batch", "-"}, commands);
}

void Hosts::OpenDevice(const std::string& name, Direction sends, int uplink) {
  const InNamespace in(sends == Direction::kUp ? client() : server());
  Device device;
  device.sends = sends;
  device.uplink = uplink;
  device.name = name;
  device.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request = {};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  strncpy(request.ifr_name, name.c_str(), sizeof request.ifr_name - 1);
  if (device.fd < 0 || ioctl(device.fd, TUNSETIFF, &request) != 0) {
    const int error = errno;
    if (device.fd >= 0) close(device.fd);
    throw SetupError("no TUN device " + name + ": " + strerror(error));
  }
  devices_.push_back(device);
}

uint64_t Hosts::Overrun(const Device& device) const {
  const InNamespace in(device.sends == Direction::kUp ? client() : server());
  std::ifstream table("/proc/thread-self/net/dev");
  for (std::string line; std::getline(table, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string name = line.substr(line.find_first_not_of(' '), colon - line.find_first_not_of(' '));
    if (name != device.name) continue;
    std::istringstream numbers(line.substr(colon + 1));
    uint64_t number = 0;
    // Eight of what was received; then bytes, packets, errors, drops of what was sent.
    for (int i = 0; i < 12; i++) numbers >> number;
    return number;
  }
  return 0;
}

void Hosts::Remove() {
  for (const Device& device : devices_) close(device.fd);
  devices_.clear();
  for (const std::string& name : names_) {
    if (name.empty()) continue;
    EndProcessesIn(name);
    try {
      Ip({"netns", "del", name});
    } catch (const SetupError&) {
      // Somebody was faster.
    }
  }
}

}  // namespace wan

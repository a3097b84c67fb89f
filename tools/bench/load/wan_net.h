// What the programs on both ends of a network between hosts have in common: addresses that are not loopback's, MPTCP, what
// a connection says first, and bytes that can be told from each other.
#pragma once

#include <string>
#include <vector>

#include "net.h"

namespace load {

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

// One target serves all purposes, since a proxy has one target only.
enum class Purpose : uint32_t {
  kBulk = 1,    // as much as can be had, of Pattern
  kEcho = 2,    // whatever comes is sent back
  kUpload = 3,  // so many bytes, and then one as the answer
};

struct Hello {
  uint32_t magic;
  Purpose purpose;
  uint32_t bytes;
};
constexpr uint32_t kHelloMagic = 0x314e4157;

// A piece that came too early, too late or twice does not fit: no piece of a power of two is a multiple of the period.
class Pattern {
 public:
  static constexpr size_t kMost = 256 * 1024;

  Pattern() : bytes_(kMost + kPeriod) {
    for (size_t i = 0; i < bytes_.size(); i++) bytes_[i] = static_cast<char>(i % kPeriod);
  }
  // Up to kMost bytes.
  const char* at(uint64_t offset) const { return bytes_.data() + offset % kPeriod; }

 private:
  static constexpr size_t kPeriod = 251;
  std::vector<char> bytes_;
};

inline int streamSocket(bool mptcp) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, mptcp ? IPPROTO_MPTCP : 0);
  if (fd < 0) die(mptcp ? "a socket for MPTCP" : "socket");
  return fd;
}

inline sockaddr_in endOf(const std::string& address, long port) {
  sockaddr_in end = loopback(port);
  if (inet_pton(AF_INET, address.c_str(), &end.sin_addr) != 1) {
    fprintf(stderr, "%s is no IPv4 address\n", address.c_str());
    exit(2);
  }
  return end;
}

// Connects, from anywhere where `from` is empty, and says what for. Keeps trying for so many seconds. The socket blocks.
inline int dial(const std::string& to, long port, const std::string& from, bool mptcp, Purpose purpose,
                uint32_t bytes = 0, double patience = 10) {
  sockaddr_in far = endOf(to, port);
  for (double begun = now();;) {
    int fd = streamSocket(mptcp);
    if (!from.empty()) {
      sockaddr_in near = endOf(from, 0);
      if (bind(fd, reinterpret_cast<sockaddr*>(&near), sizeof near) != 0) die("bind");
    }
    // Blocking until it is there: flows that are dealt to paths are to come in their order.
    fcntl(fd, F_SETFL, 0);
    noDelay(fd);
    Hello hello = {kHelloMagic, purpose, bytes};
    if (connect(fd, reinterpret_cast<sockaddr*>(&far), sizeof far) == 0 && sendAll(fd, &hello, sizeof hello)) return fd;
    if (now() - begun > patience) die("connect");
    close(fd);
    usleep(20000);
  }
}

inline std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> words;
  for (size_t at = 0; at <= list.size();) {
    size_t comma = list.find(',', at);
    if (comma == std::string::npos) comma = list.size();
    if (comma > at) words.push_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return words;
}

// `[1.50,2.25]`
inline void printMilliseconds(const std::vector<double>& values) {
  printf("[");
  for (size_t i = 0; i < values.size(); i++) printf("%s%.2f", i == 0 ? "" : ",", values[i]);
  printf("]");
}

}  // namespace load

// What the two ends of a transfer between hosts have in common: addresses that are not loopback's, and MPTCP.
#pragma once

#include <string>
#include <vector>

#include "net.h"

namespace load {

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

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

}  // namespace load

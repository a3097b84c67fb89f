// What every load program needs: a loopback socket, a clock, a way to give up. Header only, so that each program is one
// file of its own.
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace load {

[[noreturn]] inline void die(const char* doing) {
  fprintf(stderr, "%s: %s\n", doing, strerror(errno));
  exit(1);
}

inline double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

inline double cpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Every program starts with this: a peer that went away is an error to report, not a signal; a benchmark that was
// killed takes its load along; and as many descriptors as the system lets us have.
inline void begin() {
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  setvbuf(stdout, nullptr, _IOLBF, 0);
}

inline long argument(int argc, char** argv, int index, const char* usage) {
  if (index >= argc) {
    fprintf(stderr, "usage: %s\n", usage);
    exit(2);
  }
  return strtol(argv[index], nullptr, 10);
}

inline sockaddr_in loopback(long port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline void noDelay(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

inline int listenOn(long port, int flags = 0) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (fd < 0) die("socket");
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = loopback(port);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("bind");
  if (listen(fd, 4096) != 0) die("listen");
  return fd;
}

// Returns -1 with errno set when the connection could not be made. With SOCK_NONBLOCK it may still be under way.
inline int tryConnect(long port, int flags = 0) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (fd < 0) return -1;
  noDelay(fd);
  sockaddr_in address = loopback(port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

inline int connectTo(long port) {
  int fd = tryConnect(port);
  if (fd < 0) die("connect");
  return fd;
}

// Writes all of it on a blocking socket, or returns false.
inline bool sendAll(int fd, const void* data, size_t length) {
  auto at = static_cast<const char*>(data);
  while (length > 0) {
    ssize_t sent = send(fd, at, length, 0);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    at += sent;
    length -= static_cast<size_t>(sent);
  }
  return true;
}

// Reads exactly that much from a blocking socket, or returns false; an early FIN is told as EPIPE.
inline bool recvAll(int fd, void* data, size_t length) {
  auto at = static_cast<char*>(data);
  while (length > 0) {
    ssize_t got = recv(fd, at, length, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = EPIPE;
    if (got <= 0) return false;
    at += got;
    length -= static_cast<size_t>(got);
  }
  return true;
}

}  // namespace load

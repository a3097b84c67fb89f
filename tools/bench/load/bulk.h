// What the two ends of a bulk transfer share: the request that opens it, and the cheapest way to send and to receive.
#pragma once

#include <vector>

#include "net.h"

namespace load {

constexpr size_t kBulkWrite = 128 * 1024;  // what iperf3 writes at a time
constexpr size_t kBulkRead = 1024 * 1024;

// The client's first bytes. Up: the client sends until FIN, and the target answers with the count of bytes that it got.
// Down: the target sends for that long, then FIN.
struct BulkRequest {
  uint32_t magic;
  uint32_t down;
  uint32_t milliseconds;
};
constexpr uint32_t kBulkMagic = 0x4b4c5542;

// Sends for the given time. The clock is read once per write: at 128 KiB that costs nothing. Returns bytes, or -1.
inline int64_t bulkSend(int fd, uint32_t milliseconds) {
  std::vector<char> buffer(kBulkWrite);
  for (size_t i = 0; i < buffer.size(); i++) buffer[i] = static_cast<char>(i * 31 + (i >> 8));
  double end = now() + milliseconds / 1000.0;
  int64_t bytes = 0;
  while (now() < end) {
    if (!sendAll(fd, buffer.data(), buffer.size())) return -1;
    bytes += static_cast<int64_t>(buffer.size());
  }
  return bytes;
}

// Reads to FIN. MSG_TRUNC on TCP throws the bytes away in the kernel with no copy, so the reader takes little of the
// core that it shares with the sender. To the relay it is the same: with a reader that copies, CPU per GB of HAProxy,
// nginx and our relay did not move beyond their spread. Returns bytes, or -1.
inline int64_t bulkDiscard(int fd) {
  int64_t bytes = 0;
  for (;;) {
    ssize_t got = recv(fd, nullptr, kBulkRead, MSG_TRUNC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) return bytes;
    bytes += got;
  }
}

}  // namespace load

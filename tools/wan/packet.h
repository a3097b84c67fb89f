// A packet inside the emulator, the pool that packets come from, and what is read from their headers.
#ifndef TCP_STRIPER_WAN_PACKET_H_
#define TCP_STRIPER_WAN_PACKET_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "settings.h"

namespace wan {

struct Flow;
struct Path;

struct Packet {
  Packet* next = nullptr;
  Flow* flow = nullptr;
  Path* path = nullptr;
  uint32_t size = 0;
  Direction direction = Direction::kUp;

  uint8_t* Data() { return reinterpret_cast<uint8_t*>(this + 1); }
};

// Packets of one size at most, allocated many at a time and never given back to the system.
class PacketPool {
 public:
  explicit PacketPool(size_t most_bytes);

  Packet* Take();
  void Give(Packet* packet) {
    packet->next = free_;
    free_ = packet;
  }
  size_t most_bytes() const { return most_bytes_; }

 private:
  void Grow();

  size_t most_bytes_;
  size_t stride_;
  Packet* free_ = nullptr;
  std::vector<std::unique_ptr<uint8_t[]>> slabs_;
};

// The two ends of a flow, numbers in host order. What has no ports has zeros there.
struct FlowKey {
  uint32_t client_address = 0;
  uint32_t server_address = 0;
  uint16_t client_port = 0;
  uint16_t server_port = 0;
  uint8_t protocol = 0;

  bool operator==(const FlowKey& other) const {
    return client_address == other.client_address && server_address == other.server_address &&
           client_port == other.client_port && server_port == other.server_port && protocol == other.protocol;
  }
  uint64_t Hash(uint64_t seed) const;
};

struct TcpHeader {
  static constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;

  uint32_t sequence = 0;
  uint32_t acknowledged = 0;
  // Sequence numbers that it takes: its data, SYN and FIN.
  uint32_t length = 0;
  uint8_t flags = 0;
};

struct Headers {
  FlowKey key;
  bool is_tcp = false;
  TcpHeader tcp;
};

// False for what is no IPv4 packet.
bool ReadHeaders(const uint8_t* data, size_t size, Direction direction, Headers* headers);

constexpr size_t kResetSize = 40;
// An IPv4 packet with a RST that goes in `direction`, as if from the other end of the flow.
void WriteReset(const FlowKey& key, Direction direction, uint32_t sequence, uint32_t acknowledged, uint8_t* data);

std::string WriteEnd(uint32_t address, uint16_t port);

}  // namespace wan

#endif  // TCP_STRIPER_WAN_PACKET_H_

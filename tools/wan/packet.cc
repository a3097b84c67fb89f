#include "packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <new>

#include "random.h"

namespace wan {
namespace {

constexpr size_t kIpHeader = 20;
constexpr size_t kTcpHeader = 20;
constexpr size_t kPacketsInSlab = 256;

uint16_t Get16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }
uint32_t Get32(const uint8_t* at) { return static_cast<uint32_t>(Get16(at)) << 16 | Get16(at + 2); }

void Put16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
void Put32(uint8_t* at, uint32_t value) {
  Put16(at, value >> 16);
  Put16(at + 2, value);
}

uint32_t Sum(const uint8_t* data, size_t size, uint32_t sum) {
  for (size_t i = 0; i < size; i += 2) sum += Get16(data + i);
  return sum;
}

uint32_t Checksum(uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

}  // namespace

PacketPool::PacketPool(size_t most_bytes) : most_bytes_(most_bytes) {
  constexpr size_t kAlign = alignof(std::max_align_t);
  stride_ = (sizeof(Packet) + most_bytes + kAlign - 1) / kAlign * kAlign;
}

void PacketPool::Grow() {
  slabs_.push_back(std::make_unique<uint8_t[]>(stride_ * kPacketsInSlab));
  for (size_t i = 0; i < kPacketsInSlab; i++) Give(new (slabs_.back().get() + i * stride_) Packet);
}

Packet* PacketPool::Take() {
  if (free_ == nullptr) Grow();
  Packet* packet = free_;
  free_ = packet->next;
  packet->next = nullptr;
  packet->flow = nullptr;
  packet->path = nullptr;
  return packet;
}

uint64_t FlowKey::Hash(uint64_t seed) const {
  const uint64_t addresses = static_cast<uint64_t>(client_address) << 32 | server_address;
  const uint64_t rest = static_cast<uint64_t>(client_port) << 24 | static_cast<uint64_t>(server_port) << 8 | protocol;
  return Mix(Mix(seed ^ addresses) ^ rest);
}

bool ReadHeaders(const uint8_t* data, size_t size, Direction direction, Headers* headers) {
  if (size < kIpHeader || data[0] >> 4 != 4) return false;
  const size_t ip = (data[0] & 15) * size_t{4};
  const size_t total = Get16(data + 2);
  if (ip < kIpHeader || total < ip || total > size) return false;
  const bool up = direction == Direction::kUp;
  FlowKey key;
  key.protocol = data[9];
  key.client_address = Get32(data + (up ? 12 : 16));
  key.server_address = Get32(data + (up ? 16 : 12));
  headers->is_tcp = false;
  // Of a packet in pieces only the first has ports: none of them is looked at, so that all go the same way.
  const bool in_pieces = (Get16(data + 6) & 0x3fff) != 0;
  const uint8_t* next = data + ip;
  const bool has_ports = (key.protocol == IPPROTO_TCP || key.protocol == IPPROTO_UDP) && total >= ip + 4;
  if (has_ports && !in_pieces) {
    key.client_port = Get16(next + (up ? 0 : 2));
    key.server_port = Get16(next + (up ? 2 : 0));
  }
  headers->key = key;
  if (key.protocol != IPPROTO_TCP || in_pieces || total < ip + kTcpHeader) return true;
  const size_t tcp = (next[12] >> 4) * size_t{4};
  if (tcp < kTcpHeader || total < ip + tcp) return true;
  headers->is_tcp = true;
  headers->tcp.sequence = Get32(next + 4);
  headers->tcp.acknowledged = Get32(next + 8);
  headers->tcp.flags = next[13];
  headers->tcp.length = static_cast<uint32_t>(total - ip - tcp);
  if ((next[13] & TcpHeader::kSyn) != 0) headers->tcp.length++;
  if ((next[13] & TcpHeader::kFin) != 0) headers->tcp.length++;
  return true;
}

void WriteReset(const FlowKey& key, Direction direction, uint32_t sequence, uint32_t acknowledged, uint8_t* data) {
  const bool up = direction == Direction::kUp;
  memset(data, 0, kResetSize);
  data[0] = 0x45;
  Put16(data + 2, kResetSize);
  data[8] = 64;
  data[9] = IPPROTO_TCP;
  Put32(data + 12, up ? key.client_address : key.server_address);
  Put32(data + 16, up ? key.server_address : key.client_address);
  Put16(data + 10, Checksum(Sum(data, kIpHeader, 0)));
  uint8_t* tcp = data + kIpHeader;
  Put16(tcp, up ? key.client_port : key.server_port);
  Put16(tcp + 2, up ? key.server_port : key.client_port);
  Put32(tcp + 4, sequence);
  Put32(tcp + 8, acknowledged);
  tcp[12] = 5 << 4;
  tcp[13] = TcpHeader::kRst | TcpHeader::kAck;
  // The addresses count into TCP's checksum, together with the protocol and the length.
  Put16(tcp + 16, Checksum(Sum(tcp, kTcpHeader, Sum(data + 12, 8, IPPROTO_TCP + kTcpHeader))));
}

std::string WriteEnd(uint32_t address, uint16_t port) {
  char text[INET_ADDRSTRLEN];
  const in_addr in = {htonl(address)};
  inet_ntop(AF_INET, &in, text, sizeof text);
  return port == 0 ? text : std::string(text) + ":" + std::to_string(port);
}

}  // namespace wan

// Random numbers that a seed repeats, on every machine: xoshiro256**, seeded through splitmix64. Everything that draws
// has a stream of its own, so that what one link draws does not depend on the traffic of another.
#ifndef TCP_STRIPER_WAN_RANDOM_H_
#define TCP_STRIPER_WAN_RANDOM_H_

#include <math.h>

#include <cstdint>

namespace wan {

// Also a good hash of 64 bits.
inline uint64_t Mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

class Random {
 public:
  Random(uint64_t seed, uint64_t stream) {
    uint64_t value = Mix(seed) ^ Mix(~stream);
    for (uint64_t& word : state_) word = value = Mix(value);
  }

  uint64_t Next() {
    const uint64_t result = Rotate(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = Rotate(state_[3], 45);
    return result;
  }

  // 0 to 1, without 1.
  double Share() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  bool Chance(double probability) { return probability > 0 && Share() < probability; }
  double Exponential(double mean) { return -mean * log1p(-Share()); }

 private:
  static uint64_t Rotate(uint64_t value, int by) { return (value << by) | (value >> (64 - by)); }

  uint64_t state_[4];
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_RANDOM_H_

// Quantities as people write them: 20mbit, 50ms, 256kB, 0.1%. Each reader takes the whole text or refuses it; each
// writer gives what its reader would take, or words for a person.
#ifndef TCP_STRIPER_WAN_UNITS_H_
#define TCP_STRIPER_WAN_UNITS_H_

#include <cstdint>
#include <optional>
#include <string>

namespace wan {

using Nanos = int64_t;

constexpr Nanos kMicrosecond = 1000;
constexpr Nanos kMillisecond = 1000 * kMicrosecond;
constexpr Nanos kSecond = 1000 * kMillisecond;
constexpr Nanos kNever = INT64_MAX;

// Bits per second; 0 is unlimited.
std::optional<int64_t> ReadRate(const std::string& text);
std::optional<Nanos> ReadTime(const std::string& text);
// Bytes, decimal (kB) or binary (KiB).
std::optional<int64_t> ReadSize(const std::string& text);
// 0 to 1, from 1% or 0.01.
std::optional<double> ReadShare(const std::string& text);
std::optional<int64_t> ReadWhole(const std::string& text);

std::string WriteRate(int64_t bits_per_second);
std::string WriteTime(Nanos time);
std::string WriteSize(int64_t bytes);
std::string WriteShare(double share);

// Trailing zeros are left out: 1.5, 20.
std::string WriteNumber(double number, int most_digits);

}  // namespace wan

#endif  // TCP_STRIPER_WAN_UNITS_H_

#include "units.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

namespace wan {
namespace {

struct Unit {
  const char* name;
  double factor;
};

// A number, then one of the units; a unit without a name stands for "none given".
template <size_t N>
std::optional<double> Read(const std::string& text, const Unit (&units)[N]) {
  if (text.empty() || !(isdigit(static_cast<unsigned char>(text[0])) || text[0] == '.')) return std::nullopt;
  char* end;
  const double number = strtod(text.c_str(), &end);
  if (!isfinite(number)) return std::nullopt;
  while (*end == ' ') end++;
  std::string name;
  for (; *end != '\0'; end++) name += static_cast<char>(tolower(static_cast<unsigned char>(*end)));
  for (const Unit& unit : units) {
    if (name == unit.name) return number * unit.factor;
  }
  return std::nullopt;
}

constexpr Unit kRates[] = {
    {"bit", 1},   {"kbit", 1e3},   {"mbit", 1e6},   {"gbit", 1e9},
    {"bit/s", 1}, {"kbit/s", 1e3}, {"mbit/s", 1e6}, {"gbit/s", 1e9},
};
constexpr Unit kTimes[] = {{"us", kMicrosecond}, {"ms", kMillisecond}, {"s", kSecond}, {"m", 60 * kSecond}};
constexpr Unit kSizes[] = {{"b", 1},      {"kb", 1e3},          {"mb", 1e6}, {"gb", 1e9},
                           {"kib", 1024}, {"mib", 1024 * 1024}, {"", 1},     {"gib", 1073741824.0}};
constexpr Unit kShares[] = {{"%", 0.01}, {"", 1}};
constexpr Unit kNumbers[] = {{"", 1}};

// Beyond this a sum of two would no longer fit.
constexpr double kMost = 4e18;

std::optional<int64_t> Rounded(std::optional<double> value) {
  if (!value || *value > kMost) return std::nullopt;
  return llround(*value);
}

}  // namespace

std::optional<int64_t> ReadRate(const std::string& text) {
  if (text == "unlimited") return 0;
  const auto rate = Rounded(Read(text, kRates));
  // Nothing at all gets through a rate of 0, which is what a blackhole is for; and one byte must not take for ever.
  if (rate && *rate < 1000) return std::nullopt;
  return rate;
}

std::optional<Nanos> ReadTime(const std::string& text) { return text == "0" ? 0 : Rounded(Read(text, kTimes)); }

std::optional<int64_t> ReadSize(const std::string& text) { return Rounded(Read(text, kSizes)); }

std::optional<double> ReadShare(const std::string& text) {
  const auto share = Read(text, kShares);
  return share && *share <= 1 ? share : std::nullopt;
}

std::optional<int64_t> ReadWhole(const std::string& text) {
  const auto number = Read(text, kNumbers);
  if (!number || *number != floor(*number)) return std::nullopt;
  return Rounded(number);
}

std::string WriteNumber(double number, int most_digits) {
  char text[64];
  snprintf(text, sizeof text, "%.*f", most_digits, number);
  std::string out = text;
  if (out.find('.') != std::string::npos) {
    while (out.back() == '0') out.pop_back();
    if (out.back() == '.') out.pop_back();
  }
  return out;
}

std::string WriteRate(int64_t rate) {
  if (rate == 0) return "unlimited";
  if (rate >= 1000000000) return WriteNumber(static_cast<double>(rate) / 1e9, 3) + " Gbit/s";
  if (rate >= 1000000) return WriteNumber(static_cast<double>(rate) / 1e6, 3) + " Mbit/s";
  return WriteNumber(static_cast<double>(rate) / 1e3, 3) + " kbit/s";
}

std::string WriteTime(Nanos time) {
  const auto value = static_cast<double>(time);
  if (time == 0) return "0 ms";
  if (time < kMillisecond) return WriteNumber(value / kMicrosecond, 3) + " us";
  if (time < kSecond) return WriteNumber(value / kMillisecond, 3) + " ms";
  return WriteNumber(value / kSecond, 3) + " s";
}

std::string WriteSize(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 1000) return std::to_string(bytes) + " bytes";
  if (bytes < 1000000) return WriteNumber(value / 1e3, 1) + " kB";
  if (bytes < 1000000000) return WriteNumber(value / 1e6, 1) + " MB";
  return WriteNumber(value / 1e9, 2) + " GB";
}

std::string WriteShare(double share) { return WriteNumber(share * 100, 4) + " %"; }

}  // namespace wan

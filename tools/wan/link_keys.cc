// What can be said of a link: the keys of a [path] section that an event may set, too.
#include <iterator>

#include "scenario.h"

namespace wan {
namespace {

enum class Kind : uint8_t { kRate, kTime, kRoundTrip, kSize, kShare, kBurst, kQueue, kCap };

struct Key {
  const char* name;
  Kind kind;
  int64_t LinkSettings::*whole;
  double LinkSettings::*real;
  QueueLimit LinkSettings::*queue;
};

constexpr Key kKeys[] = {
    {"rate", Kind::kRate, &LinkSettings::rate, nullptr, nullptr},
    {"delay", Kind::kTime, &LinkSettings::delay, nullptr, nullptr},
    {"rtt", Kind::kRoundTrip, &LinkSettings::delay, nullptr, nullptr},
    {"jitter", Kind::kTime, &LinkSettings::jitter, nullptr, nullptr},
    {"loss", Kind::kShare, nullptr, &LinkSettings::loss, nullptr},
    {"loss-burst", Kind::kBurst, nullptr, &LinkSettings::loss_burst, nullptr},
    {"reorder", Kind::kShare, nullptr, &LinkSettings::reorder, nullptr},
    {"reorder-by", Kind::kTime, &LinkSettings::reorder_by, nullptr, nullptr},
    {"queue", Kind::kQueue, nullptr, nullptr, &LinkSettings::queue},
    {"flow-rate", Kind::kRate, &LinkSettings::flow_rate, nullptr, nullptr},
    {"flow-cap", Kind::kCap, nullptr, nullptr, nullptr},
    {"flow-queue", Kind::kQueue, nullptr, nullptr, &LinkSettings::flow_queue},
    {"flow-burst", Kind::kSize, &LinkSettings::flow_burst, nullptr, nullptr},
};

const Key& FindKey(const std::string& name) {
  std::string known;
  for (const Key& key : kKeys) {
    if (name == key.name) return key;
    known += (known.empty() ? "" : ", ") + std::string(key.name);
  }
  throw ScenarioError("'" + name + "' is not known; a path has " + known);
}

const char* Expected(Kind kind) {
  switch (kind) {
    case Kind::kRate: return "a rate from 1kbit up, such as 20mbit, or 'unlimited'";
    case Kind::kTime:
    case Kind::kRoundTrip: return "a time such as 50ms";
    case Kind::kSize: return "a size such as 64kB";
    case Kind::kShare: return "a share such as 0.5%";
    case Kind::kBurst: return "how many packets are lost in a row on average, from 1 up";
    case Kind::kQueue: return "a time at the rate (100ms), a size (256kB) or a number of packets (50p)";
    case Kind::kCap: return "'shaper' (waits) or 'policer' (drops)";
  }
  return "";
}

std::optional<QueueLimit> ReadQueue(const std::string& text) {
  if (const auto time = ReadTime(text)) return QueueLimit{QueueLimit::Kind::kTime, *time};
  if (!text.empty() && text.back() == 'p') {
    const auto packets = ReadWhole(text.substr(0, text.size() - 1));
    if (packets && *packets >= 1 && *packets <= 1000000) return QueueLimit{QueueLimit::Kind::kPackets, *packets};
    return std::nullopt;
  }
  if (const auto size = ReadSize(text)) return QueueLimit{QueueLimit::Kind::kBytes, *size};
  return std::nullopt;
}

bool Set(LinkSettings* link, const Key& key, const std::string& text) {
  switch (key.kind) {
    case Kind::kRate:
    case Kind::kTime:
    case Kind::kRoundTrip:
    case Kind::kSize: {
      const auto value = key.kind == Kind::kRate   ? ReadRate(text)
                         : key.kind == Kind::kSize ? ReadSize(text)
                                                   : ReadTime(text);
      if (!value) return false;
      link->*key.whole = key.kind == Kind::kRoundTrip ? *value / 2 : *value;
      return true;
    }
    case Kind::kShare: {
      const auto share = ReadShare(text);
      if (share) link->*key.real = *share;
      return share.has_value();
    }
    case Kind::kBurst: {
      const auto packets = ReadWhole(text);
      if (!packets || *packets < 1) return false;
      link->*key.real = static_cast<double>(*packets);
      return true;
    }
    case Kind::kQueue: {
      const auto limit = ReadQueue(text);
      if (limit) link->*key.queue = *limit;
      return limit.has_value();
    }
    case Kind::kCap:
      if (text != "shaper" && text != "policer") return false;
      link->flow_cap = text == "shaper" ? FlowCap::kShaper : FlowCap::kPolicer;
      return true;
  }
  return false;
}

std::optional<double> ReadAny(Kind kind, const std::string& text) {
  if (kind == Kind::kShare) return ReadShare(text);
  const auto whole = kind == Kind::kRate ? ReadRate(text) : ReadTime(text);
  return whole ? std::optional<double>(static_cast<double>(*whole)) : std::nullopt;
}

}  // namespace

void SetLink(LinkSettings* link, const std::string& name, const std::string& value) {
  const Key& key = FindKey(name);
  if (!Set(link, key, value)) {
    throw ScenarioError("'" + value + "' is no " + name + ": expected " + Expected(key.kind));
  }
}

std::string ValueBetween(const std::string& name, const std::string& lowest, const std::string& highest, double part) {
  const Kind kind = FindKey(name).kind;
  const bool ordered = kind == Kind::kRate || kind == Kind::kShare || kind == Kind::kTime || kind == Kind::kRoundTrip;
  if (!ordered) throw ScenarioError("a range is for rates, times and shares, not for " + name);
  const auto low = ReadAny(kind, lowest);
  const auto high = ReadAny(kind, highest);
  if (!low || !high || *low > *high) {
    throw ScenarioError("'" + lowest + ".." + highest + "' is no range of " + name + ": each end is " + Expected(kind));
  }
  const double value = *low + (*high - *low) * part;
  if (kind == Kind::kShare) return std::to_string(value);
  if (kind == Kind::kRate) return std::to_string(static_cast<int64_t>(value)) + "bit";
  return std::to_string(static_cast<int64_t>(value / kMicrosecond)) + "us";
}

}  // namespace wan

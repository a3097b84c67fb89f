// A scenario in words.
#include "scenario.h"

namespace wan {
namespace {

std::string Queue(const QueueLimit& limit, int64_t rate, int64_t mtu) {
  if (limit.kind == QueueLimit::Kind::kPackets) return std::to_string(limit.amount) + " packets";
  if (limit.kind == QueueLimit::Kind::kBytes) return WriteSize(limit.amount);
  return WriteTime(limit.amount) + " (" + WriteSize(limit.Bytes(rate, mtu)) + ")";
}

std::string Link(const LinkSettings& link, int64_t mtu) {
  std::string out = WriteRate(link.rate);
  if (link.rate > 0) out += " with a queue of " + Queue(link.queue, link.rate, mtu);
  out += ", " + WriteTime(link.delay) + " one way";
  if (link.jitter > 0) out += " and up to " + WriteTime(link.jitter) + " more";
  if (link.loss > 0) out += ", loses " + WriteShare(link.loss);
  if (link.loss > 0 && link.loss_burst > 1) out += " in bursts of " + WriteNumber(link.loss_burst, 1) + " on average";
  if (link.reorder > 0) out += ", " + WriteShare(link.reorder) + " come " + WriteTime(link.reorder_by) + " late";
  if (link.flow_rate > 0) {
    out += "; each flow " + WriteRate(link.flow_rate);
    out += link.flow_cap == FlowCap::kPolicer
               ? ", the rest is dropped beyond bursts of " + WriteSize(link.flow_burst)
               : ", the rest waits in a queue of " + Queue(link.flow_queue, link.flow_rate, mtu);
  }
  return out;
}

std::string When(const Event& event) {
  const std::string time = WriteTime(event.time);
  if (event.kind == Event::Kind::kOnce) return "at " + time;
  return (event.kind == Event::Kind::kEvery ? "every " : "at random, on average every ") + time;
}

}  // namespace

std::string Describe(const Scenario& scenario) {
  std::string out = scenario.file + ": " + (scenario.about.empty() ? "no 'about'" : scenario.about) + "\n";
  for (const auto& [name, value] : scenario.variables)
    out += "  " + name + " is " + value + " (--set " + name + "=...)\n";
  for (const PathSpec& path : scenario.paths) {
    const std::string up = Link(path.links[Index(Direction::kUp)], scenario.mtu);
    const std::string down = Link(path.links[Index(Direction::kDown)], scenario.mtu);
    out += "  path " + path.name + ", uplink " + std::to_string(path.uplink) + "\n";
    if (up == down) {
      out += "    both ways: " + up + "\n";
    } else {
      out += "    up:   " + up + "\n    down: " + down + "\n";
    }
  }
  for (const Event& event : scenario.events) out += "  " + When(event) + ": " + event.action.text + "\n";
  if (scenario.paths.size() > scenario.Uplinks().size()) {
    out += scenario.spread == Spread::kHash ? "  flows take a path of their uplink by their addresses and ports\n"
                                            : "  flows take the paths of their uplink in turn\n";
  }
  if (scenario.mtu != 1500) out += "  MTU " + std::to_string(scenario.mtu) + "\n";
  return out;
}

}  // namespace wan

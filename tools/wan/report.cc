#include "report.h"

#include <stdio.h>

#include "json.h"

namespace wan {
namespace {

void Put(Json* json, const char* key, const Amount& amount) {
  json->Open(key).Put("packets", amount.packets).Put("bytes", amount.bytes).Close();
}

void PutCounters(Json* json, const Counters& counters) {
  Put(json, "in", counters.in);
  Put(json, "out", counters.out);
  Put(json, "inside", counters.inside);
  json->Open("dropped");
  for (size_t i = 0; i < kDropCauses; i++) {
    if (counters.drops[i].packets > 0) Put(json, kDropNames[i], counters.drops[i]);
  }
  json->Close();
}

void PutPath(Json* json, const Path& path) {
  json->Open().Put("name", path.name).Put("uplink", path.uplink).Put("isUp", path.is_up);
  for (const Direction direction : kDirections) {
    const Link& link = path.In(direction);
    json->Open(kDirectionNames[Index(direction)]);
    PutCounters(json, link.counters);
    Put(json, "queued", link.queue.waiting());
    Put(json, "onTheWay", link.on_the_way);
    json->Put("queueHighWaterBytes", link.queue.high_water()).Close();
  }
  json->Close();
}

const char* ProtocolName(uint8_t protocol) {
  switch (protocol) {
    case 1: return "icmp";
    case 6: return "tcp";
    case 17: return "udp";
    default: return "other";
  }
}

void PutFlow(Json* json, const Flow& flow) {
  const FlowKey& key = flow.key;
  json->Open()
      .Put("number", flow.number)
      .Put("protocol", ProtocolName(key.protocol))
      .Put("client", WriteEnd(key.client_address, key.client_port))
      .Put("server", WriteEnd(key.server_address, key.server_port))
      .Put("uplink", flow.uplink)
      .Put("path", flow.path == nullptr ? "" : flow.path->name)
      .Put("isReset", flow.is_reset)
      .Put("seconds", static_cast<double>(flow.last - flow.first) / kSecond);
  for (const Direction direction : kDirections) {
    const FlowHalf& half = flow.In(direction);
    json->Open(kDirectionNames[Index(direction)]);
    PutCounters(json, half.counters);
    json->Put("queueHighWaterBytes", half.shaper == nullptr ? uint64_t{0} : half.shaper->high_water()).Close();
  }
  json->Close();
}

void PutEffort(Json* json, const Effort& effort) {
  json->Open("emulator")
      .Put("userSeconds", effort.user_seconds)
      .Put("systemSeconds", effort.system_seconds)
      .Put("wakeups", effort.wakeups)
      .Put("meanLateUs", effort.mean_late_us)
      .Put("mostLateUs", effort.most_late_us)
      .Put("packetsOver1msLate", effort.late_packets)
      .OpenList("devices");
  for (const Effort::Device& device : effort.devices) {
    json->Open().Put("host", device.host).Put("name", device.name).Put("overrunPackets", device.overrun).Close();
  }
  json->CloseList().Close();
}

}  // namespace

std::string JsonReport(const Scenario& scenario, uint64_t seed, const Network& network, const Effort& effort) {
  Json json;
  json.Open().Put("scenario", scenario.file).Put("about", scenario.about).Put("seed", std::to_string(seed));
  json.Open("variables");
  for (const auto& [name, value] : scenario.variables) json.Put(name.c_str(), value);
  json.Close().Put("seconds", effort.seconds);
  PutEffort(&json, effort);
  json.OpenList("paths");
  for (const auto& path : network.paths()) PutPath(&json, *path);
  json.CloseList().OpenList("flows");
  network.flows().ForEach([&](const Flow* flow) { PutFlow(&json, *flow); });
  json.CloseList().Open("forgottenFlows").Put("flows", network.flows().forgotten());
  for (const Direction direction : kDirections) {
    json.Open(kDirectionNames[Index(direction)]);
    PutCounters(&json, network.flows().forgotten_counters(direction));
    json.Close();
  }
  json.Close();
  Put(&json, "strays", network.strays());
  json.Put("resets", network.resets()).Close();
  return json.text() + "\n";
}

std::string Summary(const Network& network, const Effort& effort) {
  std::string out;
  for (const auto& path : network.paths()) {
    for (const Direction direction : kDirections) {
      const Link& link = path->In(direction);
      const Counters& counters = link.counters;
      char line[160];
      snprintf(line, sizeof line, "  %-12s %-4s  in %10s  out %10s  queue at most %9s", path->name.c_str(),
               kDirectionNames[Index(direction)], WriteSize(static_cast<int64_t>(counters.in.bytes)).c_str(),
               WriteSize(static_cast<int64_t>(counters.out.bytes)).c_str(),
               WriteSize(static_cast<int64_t>(link.queue.high_water())).c_str());
      out += line;
      for (size_t i = 0; i < kDropCauses; i++) {
        const uint64_t packets = counters.drops[i].packets;
        if (packets > 0) out += std::string("  ") + kDropNames[i] + " " + std::to_string(packets);
      }
      out += "\n";
    }
  }
  const double cpu = effort.user_seconds + effort.system_seconds;
  out += "  " + WriteNumber(effort.seconds, 1) + " s, of which the emulator took " + WriteNumber(cpu, 2) +
         " s of CPU; packets were late by " + WriteNumber(effort.mean_late_us, 0) + " us on average, " +
         WriteNumber(effort.most_late_us / 1000, 1) + " ms at most";
  for (const Effort::Device& device : effort.devices) {
    if (device.overrun == 0) continue;
    out += "\n  the machine was too busy: " + device.host + "'s " + device.name + " lost " +
           std::to_string(device.overrun) + " packets before the emulator saw them";
  }
  return out + "\n";
}

}  // namespace wan

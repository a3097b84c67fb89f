#include "network.h"

namespace wan {
namespace {

constexpr uint64_t kEventStream = 1 << 20;

std::vector<std::unique_ptr<Path>> MakePaths(const Scenario& scenario, uint64_t seed, Schedule* schedule) {
  std::vector<std::unique_ptr<Path>> paths;
  for (const PathSpec& spec : scenario.paths) {
    paths.push_back(std::make_unique<Path>(spec, paths.size(), scenario.mtu, seed, schedule));
  }
  return paths;
}

}  // namespace

Network::Network(const Scenario& scenario, uint64_t seed, Output* output)
    : scenario_(scenario),
      output_(output),
      paths_(MakePaths(scenario, seed, &schedule_)),
      flows_(scenario.spread, seed, &paths_),
      pool_(static_cast<size_t>(scenario.mtu)),
      event_random_(seed, kEventStream) {
  FindLeastDelay();
}

void Network::FindLeastDelay() {
  least_delay_ = kNever;
  for (const auto& path : paths_) {
    for (const Link& link : path->links) least_delay_ = std::min(least_delay_, link.settings().delay);
  }
}

bool Network::HasUplink(int uplink) const {
  for (const auto& path : paths_) {
    if (path->uplink == uplink) return true;
  }
  return false;
}

void Network::Arrive(Packet* packet, Direction direction, int uplink, Nanos now) {
  // What left a queue meanwhile has made room in it.
  Run(now);
  Headers headers;
  if (!ReadHeaders(packet->Data(), packet->size, direction, &headers) || !HasUplink(uplink)) {
    strays_.Add(packet->size);
    return pool_.Give(packet);
  }
  Flow* flow = flows_.Find(headers, direction, uplink, now);
  packet->flow = flow;
  packet->path = flow->path;
  packet->direction = direction;
  flow->In(direction).counters.in.Add(packet->size);
  if (packet->path != nullptr) packet->path->In(direction).counters.in.Add(packet->size);
  if (flow->is_reset) {
    AnswerWithReset(headers, *flow, direction, now);
    return Refuse(packet, Drop::kReset);
  }
  if (packet->path == nullptr) return Refuse(packet, Drop::kDown);
  Link& link = packet->path->In(direction);
  if (link.blackholed) return Refuse(packet, Drop::kBlackhole);
  flow->In(direction).counters.inside.Add(packet->size);
  link.counters.inside.Add(packet->size);

  const LinkSettings& settings = link.settings();
  FlowHalf& half = flow->In(direction);
  if (settings.flow_rate == 0) return ToLink(packet, now);
  if (settings.flow_cap == FlowCap::kPolicer) {
    if (half.policer.Take(packet->size, settings.flow_rate, settings.flow_burst, now)) return ToLink(packet, now);
    return Leave(packet, Drop::kPolicer);
  }
  if (half.shaper == nullptr) half.shaper = std::make_unique<RateQueue>(RateQueue::Stage::kFlow, &schedule_);
  half.shaper->Set(settings.flow_rate, settings.flow_queue, scenario_.mtu);
  if (!half.shaper->Put(packet, now)) Leave(packet, Drop::kFlowQueue);
}

void Network::ToLink(Packet* packet, Nanos now) {
  if (!packet->path->In(packet->direction).queue.Put(packet, now)) Leave(packet, Drop::kQueue);
}

void Network::Served(RateQueue* queue, Nanos now) {
  Packet* packet = queue->Take(now);
  if (packet == nullptr) return;
  if (queue->stage() == RateQueue::Stage::kFlow) return ToLink(packet, now);
  OntoTheWay(packet, now);
}

// Lost here, a packet has taken its share of the rate, as on a real line.
void Network::OntoTheWay(Packet* packet, Nanos now) {
  Link& link = packet->path->In(packet->direction);
  if (link.blackholed) return Leave(packet, Drop::kBlackhole);
  if (!packet->path->is_up) return Leave(packet, Drop::kDown);
  if (link.Loses()) return Leave(packet, Drop::kLoss);
  link.on_the_way.Add(packet->size);
  schedule_.Put(link.Arrival(now), DueKind::kArrives, packet);
}

void Network::Deliver(Packet* packet, Nanos due) {
  Link& link = packet->path->In(packet->direction);
  link.on_the_way.Remove(packet->size);
  Flow* flow = packet->flow;
  if (flow->is_reset) return Leave(packet, Drop::kReset);
  if (!output_->Deliver(packet->direction, flow->uplink, packet->Data(), packet->size, due)) {
    return Leave(packet, Drop::kDevice);
  }
  Counters& half = flow->In(packet->direction).counters;
  half.inside.Remove(packet->size);
  half.out.Add(packet->size);
  link.counters.inside.Remove(packet->size);
  link.counters.out.Add(packet->size);
  pool_.Give(packet);
}

// Drops a packet that was inside.
void Network::Leave(Packet* packet, Drop cause) {
  packet->flow->In(packet->direction).counters.inside.Remove(packet->size);
  packet->path->In(packet->direction).counters.inside.Remove(packet->size);
  Refuse(packet, cause);
}

void Network::Refuse(Packet* packet, Drop cause) {
  const auto index = static_cast<size_t>(cause);
  packet->flow->In(packet->direction).counters.drops[index].Add(packet->size);
  if (packet->path != nullptr) packet->path->In(packet->direction).counters.drops[index].Add(packet->size);
  pool_.Give(packet);
}

void Network::Run(Nanos now) {
  while (schedule_.Next() <= now) {
    const Due due = schedule_.Take();
    switch (due.kind) {
      case DueKind::kServed: Served(static_cast<RateQueue*>(due.what), due.at); break;
      case DueKind::kArrives: Deliver(static_cast<Packet*>(due.what), due.at); break;
      case DueKind::kEvent: Happens(static_cast<Entry*>(due.what), due.at); break;
    }
  }
}

}  // namespace wan

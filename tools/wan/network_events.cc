// What events and `wan say` do to a network.
#include <netinet/in.h>

#include "network.h"

namespace wan {
namespace {

Verb Opposite(Verb verb) {
  switch (verb) {
    case Verb::kBlackhole: return Verb::kHeal;
    case Verb::kFreeze: return Verb::kThaw;
    default: return Verb::kUp;
  }
}

}  // namespace

void Network::StartEvents(Nanos now) {
  for (const Event& event : scenario_.events) {
    entries_.push_back(std::make_unique<Entry>());
    Entry* entry = entries_.back().get();
    entry->event = event;
    const bool randomly = event.kind == Event::Kind::kRandomly;
    const Nanos after =
        randomly ? static_cast<Nanos>(event_random_.Exponential(static_cast<double>(event.time))) : event.time;
    schedule_.Put(now + after, DueKind::kEvent, entry);
  }
}

void Network::Happens(Entry* entry, Nanos now) {
  if (entry->is_undo) {
    Do(entry->undo, now);
    return;
  }
  const Event& event = entry->event;
  Do(event.action, now);
  if (event.kind == Event::Kind::kEvery) schedule_.Put(now + event.time, DueKind::kEvent, entry);
  if (event.kind == Event::Kind::kRandomly) {
    const double after = event_random_.Exponential(static_cast<double>(event.time));
    schedule_.Put(now + std::max<Nanos>(kMillisecond, static_cast<Nanos>(after)), DueKind::kEvent, entry);
  }
}

void Network::Do(const Action& action, Nanos now) {
  if (action.verb == Verb::kResetFlow) {
    Flow* found = nullptr;
    flows_.ForEach([&](Flow* flow) {
      if (flow->number == action.flow) found = flow;
    });
    if (found == nullptr) throw ScenarioError("there is no flow " + std::to_string(action.flow));
    return Reset(found, now);
  }
  Action once = action;
  if (!action.highest.empty()) {
    once.value = ValueBetween(action.key, action.value, action.highest, event_random_.Share());
  }
  for (const size_t path : action.paths) DoToPath(once, paths_[path].get(), now);
  if (action.verb == Verb::kDown || action.verb == Verb::kUp) flows_.Reroute();
  if (action.verb == Verb::kSet) FindLeastDelay();
  if (action.lasts == kNever) return;
  entries_.push_back(std::make_unique<Entry>());
  Entry* entry = entries_.back().get();
  entry->is_undo = true;
  entry->undo = action;
  entry->undo.verb = Opposite(action.verb);
  entry->undo.lasts = kNever;
  schedule_.Put(now + action.lasts, DueKind::kEvent, entry);
}

void Network::DoToPath(const Action& action, Path* path, Nanos now) {
  if (action.verb == Verb::kDown || action.verb == Verb::kUp) path->is_up = action.verb == Verb::kUp;
  if (action.verb == Verb::kReset) {
    flows_.ForEach([&](Flow* flow) {
      if (flow->path == path) Reset(flow, now);
    });
  }
  for (const Direction direction : kDirections) {
    if (!action.in[Index(direction)]) continue;
    Link& link = path->In(direction);
    switch (action.verb) {
      case Verb::kSet: link.Set(action.key, action.value); break;
      case Verb::kBlackhole: link.blackholed = true; break;
      case Verb::kHeal: link.blackholed = false; break;
      case Verb::kFreeze: link.queue.Freeze(); break;
      case Verb::kThaw: link.queue.Thaw(now); break;
      default: break;
    }
  }
}

// Both ends get a RST at once, with the number that this end expects as far as could be seen. If it has moved on since,
// the end asks back (RFC 5961), and is answered with the right one: see Arrive.
void Network::Reset(Flow* flow, Nanos now) {
  if (flow->key.protocol != IPPROTO_TCP || flow->IsOver()) return;
  flow->is_reset = true;
  resets_++;
  for (const Direction direction : kDirections) {
    const FlowHalf& receiver = flow->In(Other(direction));
    if (receiver.seen) SendReset(*flow, direction, receiver.acknowledged, receiver.sequence_end, now);
  }
}

void Network::AnswerWithReset(const Headers& headers, const Flow& flow, Direction direction, Nanos now) {
  if (!headers.is_tcp || (headers.tcp.flags & TcpHeader::kRst) != 0) return;
  const TcpHeader& tcp = headers.tcp;
  SendReset(flow, Other(direction), tcp.acknowledged, tcp.sequence + tcp.length, now);
}

void Network::SendReset(const Flow& flow, Direction direction, uint32_t sequence, uint32_t acknowledged, Nanos now) {
  uint8_t packet[kResetSize];
  WriteReset(flow.key, direction, sequence, acknowledged, packet);
  output_->Deliver(direction, flow.uplink, packet, sizeof packet, now);
}

}  // namespace wan

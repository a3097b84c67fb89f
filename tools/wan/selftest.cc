// Tests of what needs no kernel: the reader of scenarios, the models, and the network in simulated time. Prints a line
// per test, and ends with 1 when one failed.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <string>
#include <vector>

#include "network.h"
#include "report.h"

namespace wan {
namespace {

int failures = 0;

void Check(bool is, const std::string& what, const std::string& seen = "") {
  printf("%s %s%s\n", is ? "ok" : "not ok", what.c_str(), is || seen.empty() ? "" : (": " + seen).c_str());
  if (!is) failures++;
}

void Same(const std::string& seen, const std::string& wanted, const std::string& what) {
  Check(seen == wanted, what, "'" + seen + "' and not '" + wanted + "'");
}

void Near(double seen, double wanted, double off, const std::string& what) {
  Check(fabs(seen - wanted) <= off, what, std::to_string(seen) + " and not " + std::to_string(wanted));
}

Scenario Parse(const std::string& text, const std::map<std::string, std::string>& set = {}) {
  return ParseScenario("test.wan", text, set);
}

std::string ErrorOf(const std::string& text, const std::map<std::string, std::string>& set = {}) {
  try {
    Parse(text, set);
  } catch (const ScenarioError& error) {
    return error.what();
  }
  return "no error";
}

void TestUnits() {
  Check(ReadRate("20mbit") == 20000000 && ReadRate("1.5 Gbit/s") == 1500000000 && ReadRate("unlimited") == 0, "rates");
  Check(!ReadRate("20") && !ReadRate("-1mbit") && !ReadRate("mbit") && !ReadRate("0mbit"), "what is no rate");
  Check(ReadTime("50ms") == 50 * kMillisecond && ReadTime("0.5s") == 500 * kMillisecond && ReadTime("0") == 0, "times");
  Check(ReadSize("64kB") == 64000 && ReadSize("1KiB") == 1024 && ReadSize("1500") == 1500, "sizes");
  Check(ReadShare("0.5%") == 0.005 && ReadShare("0.25") == 0.25 && !ReadShare("101%"), "shares");
  Same(WriteRate(20000000) + ", " + WriteTime(1500 * kMicrosecond), "20 Mbit/s, 1.5 ms", "quantities in words");
}

void TestParser() {
  const Scenario scenario = Parse(
      "# comment\nabout = two uplinks\nmtu = 1400\nflows = deal\nset loss = 1%\n"
      "[path wifi] # another\nrtt = 24ms\nloss = $loss\nup.rate = 5mbit\ndown.rate = 25mbit\nqueue = 50p\n"
      "[events]\nat 3s blackhole wifi down for 500ms\nrandomly 4s set lte rate = 5mbit..50mbit\n"
      "[path lte]\nuplink = 2\ncopies = 3\n",
      {{"loss", "3%"}});
  Check(scenario.paths.size() == 4 && scenario.paths[1].name == "lte.1" && scenario.mtu == 1400, "sections");
  const LinkSettings* wifi = scenario.paths[0].links;
  Check(wifi[0].rate == 5000000 && wifi[1].rate == 25000000 && wifi[0].delay == 12 * kMillisecond,
        "a key for one direction");
  Check(wifi[0].loss == 0.03, "--set goes before the file's own value");
  Check(scenario.Uplinks() == std::vector<int>({1, 2}), "uplinks");
  const Action& blackhole = scenario.events[0].action;
  Check(!blackhole.in[0] && blackhole.in[1] && blackhole.lasts == 500 * kMillisecond,
        "an event for one direction and a time");
  Check(scenario.events[1].action.paths == std::vector<size_t>({1, 2, 3}),
        "the name of what has copies means all of them");
}

void TestParserErrors() {
  Same(ErrorOf("[path a]\nrate = fast\n"),
       "test.wan:2: 'fast' is no rate: expected a rate from 1kbit up, such as 20mbit, or 'unlimited'",
       "a value that is none");
  Same(ErrorOf("[path a]\nrtt\n"), "test.wan:2: expected KEY = VALUE or [SECTION], not 'rtt'", "a line that is none");
  Same(ErrorOf("[path a]\n\n[events]\nat 1s blackhole b\n"), "test.wan:4: there is no path 'b'",
       "a path that is not there");
  Same(ErrorOf("[events]\nin 1s reset a\n[path a]\n"),
       "test.wan:2: expected 'at TIME', 'every TIME' or 'randomly TIME', not 'in'", "an event without its time");
  Same(ErrorOf("[path a]\nloss = $loss\n"), "test.wan:2: $loss has no value: expected 'set loss = ...' above",
       "a variable");
  Same(ErrorOf("set rtt = 1ms\n[path a]\n", {{"los", "1%"}}), "test.wan: --set los: it has only rtt",
       "--set of nothing");
  Same(ErrorOf("mtu = 1500\n"), "test.wan: expected at least one [path NAME]", "no path at all");
  Same(ErrorOf("[path a]\n[path a]\n[events]\n"), "test.wan:3: there are two paths named 'a'", "two of one name");
  Same(ErrorOf("[path a]\n[events]\nat 1s heal a for 2s\n"), "test.wan:3: 'for' is too much after 'heal a'",
       "too much");
  Check(ErrorOf("[path a]\nspeed = 1mbit\n").find("test.wan:2: 'speed' is not known; a path has rate, delay") == 0,
        "a key that is none");
}

void TestLoss() {
  constexpr int kPackets = 1000000;
  for (const double burst : {1.0, 8.0}) {
    Random random(7, 1);
    Loss loss;
    loss.Set(0.02, burst);
    int lost = 0;
    int runs = 0;
    bool before = false;
    for (int i = 0; i < kPackets; i++) {
      const bool is = loss.Loses(random);
      lost += is;
      runs += is && !before;
      before = is;
    }
    const std::string kind = burst > 1 ? "bursty" : "random";
    Near(static_cast<double>(lost) / kPackets, 0.02, 0.001, kind + " loss: its share");
    Near(static_cast<double>(lost) / runs, burst > 1 ? burst : 1 / 0.98, 0.05 * burst,
         kind + " loss: how many in a row");
  }
}

void TestTokenBucket() {
  TokenBucket bucket;
  int64_t passed = 0;
  for (Nanos now = 0; now < 10 * kSecond; now += 100 * kMicrosecond) {
    if (bucket.Take(1500, 20000000, 64000, now)) passed += 1500;
  }
  Near(static_cast<double>(passed), 25000000 + 64000, 1500, "a policer lets its rate pass, and one burst");
}

// Counts what arrives, and when.
class Far : public Output {
 public:
  bool Deliver(Direction direction, int uplink, const uint8_t* data, size_t size, Nanos due) override {
    Headers headers;
    ReadHeaders(data, size, direction, &headers);
    arrivals.push_back({due, headers, uplink, size});
    return true;
  }

  struct Arrival {
    Nanos at;
    Headers headers;
    int uplink;
    size_t size;
  };
  std::vector<Arrival> arrivals;
};

struct World {
  explicit World(const std::string& text, uint64_t seed = 1) : network(Parse(text), seed, &far) {
    network.StartEvents(0);
  }

  // A UDP packet of a flow with that client port; its number stands where a checksum would be.
  void Send(Nanos now, uint16_t port, size_t size = 1500, Direction direction = Direction::kUp, uint8_t protocol = 17) {
    Packet* packet = network.Take();
    uint8_t* data = packet->Data();
    memset(data, 0, 40);
    data[0] = 0x45;
    data[2] = static_cast<uint8_t>(size >> 8);
    data[3] = static_cast<uint8_t>(size);
    data[9] = protocol;
    const bool up = direction == Direction::kUp;
    const uint8_t client[] = {10, 77, 1, 1};
    const uint8_t server[] = {10, 77, 1, 2};
    memcpy(data + 12, up ? client : server, 4);
    memcpy(data + 16, up ? server : client, 4);
    data[up ? 20 : 22] = static_cast<uint8_t>(port >> 8);
    data[up ? 21 : 23] = static_cast<uint8_t>(port);
    data[up ? 23 : 21] = 80;
    if (protocol == 6) {
      data[32] = 5 << 4;
      data[33] = TcpHeader::kAck;
    }
    packet->size = static_cast<uint32_t>(size);
    network.Arrive(packet, direction, 1, now);
  }
  void Finish() { network.Run(3600 * kSecond); }
  Nanos last() const { return far.arrivals.empty() ? 0 : far.arrivals.back().at; }
  const Link& link(size_t path = 0) const { return network.paths()[path]->In(Direction::kUp); }
  uint64_t Dropped(Drop cause, size_t path = 0) const {
    return link(path).counters.drops[static_cast<size_t>(cause)].packets;
  }

  Far far;
  Network network;
};

void TestLink() {
  World world("[path a]\nrate = 12mbit\ndelay = 20ms\nqueue = 100p\n");
  for (int i = 0; i < 150; i++) world.Send(0, 1000);
  world.Finish();
  // A packet of 1500 bytes takes 1 ms at 12 Mbit/s.
  Near(static_cast<double>(world.last()), 120 * kMillisecond, 0, "a link: its rate, its delay, its queue");
  Check(world.far.arrivals.size() == 100 && world.Dropped(Drop::kQueue) == 50, "a queue that is full drops the rest");
  Check(world.link().queue.high_water() == 150000, "the high-water mark of a queue");
}

void TestShaper() {
  World world("[path a]\nflow-rate = 12mbit\nflow-queue = 1000p\nrate = 1gbit\n");
  for (int i = 0; i < 500; i++) {
    world.Send(0, 1000);
    world.Send(0, 1001);
  }
  world.Finish();
  Check(world.far.arrivals.size() == 1000, "two shaped flows: all arrives");
  Near(static_cast<double>(world.last()), 500 * kMillisecond, kMillisecond, "two shaped flows: each has its own rate");
}

void TestPolicer() {
  World world("[path a]\nflow-rate = 12mbit\nflow-cap = policer\nflow-burst = 15kB\n");
  for (int i = 0; i < 2000; i++) world.Send(i * 500 * kMicrosecond, 1000);
  world.Finish();
  Near(static_cast<double>(world.far.arrivals.size()), 1000 + 10, 1, "a policed flow at twice its rate: half arrives");
  Check(world.far.arrivals.size() + world.Dropped(Drop::kPolicer) == 2000, "a policer counts what it drops");
}

void TestOrder() {
  World world("[path a]\ndelay = 10ms\njitter = 20ms\n");
  for (int i = 0; i < 5000; i++) world.Send(i * 100 * kMicrosecond, static_cast<uint16_t>(i));
  world.Finish();
  bool in_order = true;
  Nanos least = kNever, most = 0;
  for (size_t i = 0; i < world.far.arrivals.size(); i++) {
    in_order = in_order && world.far.arrivals[i].headers.key.client_port == i;
    const Nanos took = world.far.arrivals[i].at - static_cast<Nanos>(i) * 100 * kMicrosecond;
    least = std::min(least, took);
    most = std::max(most, took);
  }
  Check(in_order, "jitter keeps the order");
  Check(least >= 10 * kMillisecond && most <= 30 * kMillisecond && most - least > 10 * kMillisecond,
        "jitter: its range");

  World other("[path a]\ndelay = 10ms\nreorder = 5%\nreorder-by = 3ms\n");
  for (int i = 0; i < 5000; i++) other.Send(i * 100 * kMicrosecond, static_cast<uint16_t>(i));
  other.Finish();
  int late = 0;
  for (size_t i = 1; i < other.far.arrivals.size(); i++) {
    late += other.far.arrivals[i].headers.key.client_port < other.far.arrivals[i - 1].headers.key.client_port;
  }
  Near(late, 250, 60, "reordering: its share");
}

void TestSpread() {
  const std::string four = "[path a]\ncopies = 4\n";
  World dealt("flows = deal\n" + four);
  for (uint16_t port = 0; port < 8; port++) dealt.Send(0, port);
  for (size_t path = 0; path < 4; path++) {
    Check(dealt.link(path).counters.in.packets == 2, "dealt flows: path " + std::to_string(path) + " has its share");
  }
  World hashed(four);
  for (int round = 0; round < 2; round++) {
    for (uint16_t port = 0; port < 4000; port++) hashed.Send(0, port);
  }
  for (size_t path = 0; path < 4; path++) {
    const auto packets = hashed.link(path).counters.in.packets;
    Check(packets % 2 == 0, "hashed flows: each keeps its path " + std::to_string(path));
    Near(static_cast<double>(packets), 2000, 200,
         "hashed flows: path " + std::to_string(path) + " has about its share");
  }
  World down(four + "[events]\nat 1s down a.1\nat 2s up a.1\n");
  uint64_t before[4] = {};
  for (const Nanos now : {0 * kSecond, 1500 * kMillisecond, 2500 * kMillisecond}) {
    for (uint16_t port = 0; port < 400; port++) down.Send(now, port);
    if (now == 0) {
      for (size_t path = 0; path < 4; path++) before[path] = down.link(path).counters.in.packets;
    } else if (now < 2 * kSecond) {
      Check(down.link(0).counters.in.packets == before[0], "a path that is down gets nothing");
      Check(down.link(1).counters.in.packets >= 2 * before[1], "its flows take the others, whose own stay");
    }
  }
  Check(down.link(0).counters.in.packets == 2 * before[0], "flows come back to a path that is up again");
}

void TestEvents() {
  World world(
      "[path a]\ndelay = 1ms\n[events]\nat 1s blackhole a for 1s\nat 3s freeze a up for 1s\nat 5s set a delay = 7ms\n");
  for (const int tenths : {5, 15, 25, 35, 45, 55}) world.Send(tenths * kSecond / 10, 1000);
  world.Finish();
  std::string times;
  for (const auto& arrival : world.far.arrivals) times += std::to_string(arrival.at / kMillisecond) + " ";
  Same(times, "501 2501 4001 4501 5507 ", "blackholed, healed, frozen, thawed, set");
  Check(world.Dropped(Drop::kBlackhole) == 1, "what a blackhole took is counted");
}

void TestReset() {
  World world("[path a]\ndelay = 1ms\n[events]\nat 1s reset a\n");
  world.Send(0, 1000, 1500, Direction::kUp, 6);
  world.Send(0, 1000, 40, Direction::kDown, 6);
  world.network.Run(1100 * kMillisecond);
  std::string seen;
  for (const auto& arrival : world.far.arrivals) seen += (arrival.headers.tcp.flags & TcpHeader::kRst) != 0 ? "R" : "-";
  Same(seen, "--RR", "a reset reaches both ends");
  world.Send(1200 * kMillisecond, 1000, 1500, Direction::kUp, 6);
  world.Finish();
  const TcpHeader& answer = world.far.arrivals.back().headers.tcp;
  Check(world.far.arrivals.size() == 5 && (answer.flags & TcpHeader::kRst) != 0 && answer.acknowledged == 1460,
        "what is sent afterwards is answered with a reset");
  Check(world.Dropped(Drop::kReset) == 1, "and goes nowhere");
}

void TestCounts() {
  World world(
      "flows = deal\n[path a]\ncopies = 2\nrate = 10mbit\ndelay = 30ms\nloss = 3%\nqueue = 20p\nflow-rate = 8mbit\n"
      "[events]\nat 500ms blackhole a.1 for 200ms\nat 1s down a.2 for 100ms\nat 1500ms down all for 100ms\n");
  for (int i = 0; i < 20000; i++) world.Send(i * 100 * kMicrosecond, static_cast<uint16_t>(i % 5));
  bool adds_up = true;
  const auto balance = [](const Counters& counters) {
    uint64_t gone = counters.out.bytes + counters.inside.bytes;
    for (const Amount& drop : counters.drops) gone += drop.bytes;
    return counters.in.bytes == gone;
  };
  uint64_t inside = 0;
  for (const auto& path : world.network.paths()) {
    const Link& link = path->In(Direction::kUp);
    adds_up = adds_up && balance(link.counters);
    inside += link.counters.inside.packets - link.queue.waiting().packets - link.on_the_way.packets;
  }
  world.network.flows().ForEach([&](const Flow* flow) {
    const FlowHalf& half = flow->In(Direction::kUp);
    adds_up = adds_up && balance(half.counters);
    inside -= half.shaper->waiting().packets;
  });
  Check(adds_up, "in = out + dropped + inside, of each path and each flow");
  Check(inside == 0, "what is inside is in a queue or on the way");
  world.Finish();
  Check(world.link(0).counters.inside.packets == 0 && world.link(1).counters.inside.packets == 0,
        "all leaves in the end");

  World again("[path a]\nloss = 10%\njitter = 5ms\n", 5), same("[path a]\nloss = 10%\njitter = 5ms\n", 5);
  World different("[path a]\nloss = 10%\njitter = 5ms\n", 6);
  for (World* one : {&again, &same, &different}) {
    for (int i = 0; i < 1000; i++) one->Send(i * kMillisecond, static_cast<uint16_t>(i));
    one->Finish();
  }
  const auto ports = [](const World& one) {
    std::string list;
    for (const auto& arrival : one.far.arrivals) {
      list += std::to_string(arrival.headers.key.client_port) + "@" + std::to_string(arrival.at) + " ";
    }
    return list;
  };
  Check(ports(again) == ports(same) && ports(again) != ports(different), "a seed repeats everything");
}

}  // namespace
}  // namespace wan

int main() {
  wan::TestUnits();
  wan::TestParser();
  wan::TestParserErrors();
  wan::TestLoss();
  wan::TestTokenBucket();
  wan::TestLink();
  wan::TestShaper();
  wan::TestPolicer();
  wan::TestOrder();
  wan::TestSpread();
  wan::TestEvents();
  wan::TestReset();
  wan::TestCounts();
  return wan::failures == 0 ? 0 : 1;
}

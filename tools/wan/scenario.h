// A scenario: the paths between the client and the server, and what happens to them in the course of time. README.md
// has the language, scenario_parser.cc reads it.
#ifndef TCP_STRIPER_WAN_SCENARIO_H_
#define TCP_STRIPER_WAN_SCENARIO_H_

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "settings.h"

namespace wan {

struct PathSpec {
  std::string name;
  // Decides the addresses: 10.77.<uplink>.1 at the client, 10.77.<uplink>.2 at the server.
  int uplink = 1;
  LinkSettings links[2];
};

enum class Verb : uint8_t { kSet, kBlackhole, kHeal, kFreeze, kThaw, kDown, kUp, kReset, kResetFlow };

// What is done to paths, by an event or by `wan say`.
struct Action {
  Verb verb = Verb::kSet;
  std::string text;  // as it was written
  std::vector<size_t> paths;
  bool in[2] = {true, true};  // the directions it is for
  std::string key;            // of kSet
  std::string value;
  std::string highest;   // with it, a value at random between the two
  int64_t flow = 0;      // of kResetFlow: its number in the report
  Nanos lasts = kNever;  // then it is undone
};

struct Event {
  enum class Kind : uint8_t { kOnce, kEvery, kRandomly };
  Kind kind = Kind::kOnce;
  // When it happens; or, again and again, after so long (randomly: on average).
  Nanos time = 0;
  Action action;
};

enum class Spread : uint8_t { kHash, kDeal };

struct Scenario {
  std::string file;
  std::string about;
  int64_t mtu = 1500;
  Spread spread = Spread::kHash;
  std::map<std::string, std::string> variables;
  std::vector<PathSpec> paths;
  std::vector<Event> events;

  // Ascending, each once.
  std::vector<int> Uplinks() const;
};

// Says where in which file, and what was expected there.
class ScenarioError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// `overrides` replaces what the file says in `set NAME = VALUE`.
Scenario ReadScenario(const std::string& file, const std::map<std::string, std::string>& overrides);
Scenario ParseScenario(const std::string& file, const std::string& text,
                       const std::map<std::string, std::string>& overrides);

// One action in the words of an event, as in `blackhole a for 2s`. Throws ScenarioError without a place.
Action ParseAction(const Scenario& scenario, const std::string& text);

// Sets `key` of a link from text; throws ScenarioError without a place.
void SetLink(LinkSettings* link, const std::string& key, const std::string& value);
// A value of `key` at random between two, as text for SetLink.
std::string ValueBetween(const std::string& key, const std::string& lowest, const std::string& highest, double part);

// The scenario in words, for a person who wants to know whether it says what was meant.
std::string Describe(const Scenario& scenario);

}  // namespace wan

#endif  // TCP_STRIPER_WAN_SCENARIO_H_

// Actions, as events and `wan say` write them:
//
//   set PATHS KEY = VALUE     set PATHS up.KEY = LOW..HIGH
//   blackhole|freeze|down PATHS [up|down] [for TIME]     heal|thaw|up PATHS [up|down]
//   reset PATHS               reset flow NUMBER
//
// PATHS is a name, names with commas between them, or `all`.
#include <iterator>
#include <sstream>

#include "scenario.h"

namespace wan {
namespace {

struct VerbWord {
  const char* word;
  Verb verb;
  bool lasts;    // may be followed by `for TIME`
  bool one_way;  // may be for one direction only
};

constexpr VerbWord kVerbs[] = {
    {"set", Verb::kSet, false, false},  {"blackhole", Verb::kBlackhole, true, true},
    {"heal", Verb::kHeal, false, true}, {"freeze", Verb::kFreeze, true, true},
    {"thaw", Verb::kThaw, false, true}, {"down", Verb::kDown, true, false},
    {"up", Verb::kUp, false, false},    {"reset", Verb::kReset, false, false},
};

const VerbWord& FindVerb(const std::string& word) {
  std::string known;
  for (const VerbWord& verb : kVerbs) {
    if (word == verb.word) return verb;
    known += (known.empty() ? "" : ", ") + std::string(verb.word);
  }
  throw ScenarioError("expected one of " + known + ", not '" + word + "'");
}

std::vector<size_t> FindPaths(const Scenario& scenario, const std::string& names) {
  std::vector<size_t> found;
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');) {
    const size_t before = found.size();
    for (size_t i = 0; i < scenario.paths.size(); i++) {
      const std::string& path = scenario.paths[i].name;
      // The name of what has copies stands for all of them.
      if (name == "all" || name == path || path.compare(0, name.size() + 1, name + ".") == 0) found.push_back(i);
    }
    if (found.size() == before) throw ScenarioError("there is no path '" + name + "'");
  }
  if (found.empty()) throw ScenarioError("expected the name of a path, or 'all'");
  return found;
}

std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

void OnlyIn(Action* action, Direction direction) { action->in[Index(Other(direction))] = false; }

// KEY = VALUE, where VALUE may be LOW..HIGH, and KEY may begin with up. or down.
void ParseAssignment(const std::string& text, Action* action) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) throw ScenarioError("expected KEY = VALUE after the path");
  const auto key = Words(text.substr(0, equals));
  const auto value = Words(text.substr(equals + 1));
  if (key.size() != 1 || value.empty()) throw ScenarioError("expected KEY = VALUE after the path");
  action->key = key[0];
  for (const Direction direction : kDirections) {
    const std::string prefix = std::string(kDirectionNames[Index(direction)]) + ".";
    if (action->key.compare(0, prefix.size(), prefix) != 0) continue;
    action->key.erase(0, prefix.size());
    OnlyIn(action, direction);
  }
  for (const std::string& word : value) action->value += word;
  LinkSettings trial;
  const size_t dots = action->value.find("..");
  if (dots == std::string::npos) return SetLink(&trial, action->key, action->value);
  action->highest = action->value.substr(dots + 2);
  action->value.erase(dots);
  ValueBetween(action->key, action->value, action->highest, 0);
}

}  // namespace

Action ParseAction(const Scenario& scenario, const std::string& text) {
  const auto words = Words(text);
  if (words.empty()) throw ScenarioError("expected what is to happen");
  const VerbWord& verb = FindVerb(words[0]);
  Action action;
  action.verb = verb.verb;
  action.text = text;
  if (words.size() < 2) throw ScenarioError("expected the name of a path, or 'all', after '" + words[0] + "'");
  if (verb.verb == Verb::kReset && words[1] == "flow") {
    const auto flow = words.size() == 3 ? ReadWhole(words[2]) : std::nullopt;
    if (!flow || *flow < 1) throw ScenarioError("expected the number of a flow, as the report has it");
    action.verb = Verb::kResetFlow;
    action.flow = *flow;
    return action;
  }
  action.paths = FindPaths(scenario, words[1]);
  if (verb.verb == Verb::kSet) {
    const size_t name = text.find(words[1], text.find(words[0]) + words[0].size());
    ParseAssignment(text.substr(name + words[1].size()), &action);
    return action;
  }
  size_t at = 2;
  for (const Direction direction : kDirections) {
    if (!verb.one_way || at >= words.size() || words[at] != kDirectionNames[Index(direction)]) continue;
    OnlyIn(&action, direction);
    at++;
    break;
  }
  if (verb.lasts && at + 1 < words.size() && words[at] == "for") {
    const auto time = ReadTime(words[at + 1]);
    if (!time || *time == 0) throw ScenarioError("'" + words[at + 1] + "' is no time: expected one such as 500ms");
    action.lasts = *time;
    at += 2;
  }
  if (at < words.size())
    throw ScenarioError("'" + words[at] + "' is too much after '" + words[0] + " " + words[1] + "'");
  return action;
}

}  // namespace wan

// Reads scenario files: lines of KEY = VALUE, in a head and in [path NAME] sections, and an [events] section.
#include <errno.h>
#include <string.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "scenario.h"

namespace wan {
namespace {

constexpr size_t kMostPaths = 64;
constexpr int kMostUplinks = 16;

std::string Trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

bool IsName(const std::string& text) {
  const auto fits = [](unsigned char c) { return isalnum(c) || c == '-' || c == '_'; };
  return !text.empty() && std::all_of(text.begin(), text.end(), fits);
}

class Parser {
 public:
  Parser(const std::string& file, const std::map<std::string, std::string>& overrides) : overrides_(overrides) {
    scenario_.file = file;
  }

  Scenario Parse(const std::string& text) {
    std::istringstream stream(text);
    for (std::string raw; std::getline(stream, raw);) {
      line_++;
      const std::string line = Trimmed(raw.substr(0, raw.find('#')));
      if (!line.empty()) Located([&] { Line(line); });
    }
    Located([&] { EndPath(); });
    // Only now every path is known, whatever the order of the sections.
    for (const auto& [line, words] : events_) {
      line_ = line;
      Located([&, text = words] { scenario_.events.push_back(ParseEvent(text)); });
    }
    line_ = 0;
    Located([&] { Finish(); });
    return scenario_;
  }

 private:
  enum class Section : uint8_t { kHead, kPath, kEvents };

  template <typename Step>
  void Located(Step step) {
    try {
      step();
    } catch (const ScenarioError& error) {
      const std::string line = line_ > 0 ? ":" + std::to_string(line_) : "";
      throw ScenarioError(scenario_.file + line + ": " + error.what());
    }
  }

  void Line(const std::string& line) {
    if (line.front() == '[') return Heading(line);
    if (section_ == Section::kEvents) {
      events_.emplace_back(line_, Expand(line));
      return;
    }
    const size_t equals = line.find('=');
    if (equals == std::string::npos) throw ScenarioError("expected KEY = VALUE or [SECTION], not '" + line + "'");
    const std::string key = Trimmed(line.substr(0, equals));
    const std::string value = Expand(Trimmed(line.substr(equals + 1)));
    if (value.empty()) throw ScenarioError("expected a value after '" + key + " ='");
    if (section_ == Section::kPath) return PathKey(key, value);
    HeadKey(key, value);
  }

  void Heading(const std::string& line) {
    if (line.back() != ']') throw ScenarioError("expected ']' at the end of '" + line + "'");
    EndPath();
    const std::string words = Trimmed(line.substr(1, line.size() - 2));
    if (words == "events") {
      section_ = Section::kEvents;
      return;
    }
    if (words.compare(0, 5, "path ") != 0) throw ScenarioError("expected [path NAME] or [events], not '" + line + "'");
    const std::string name = Trimmed(words.substr(5));
    if (!IsName(name) || name == "all" || name == "flow") {
      throw ScenarioError("'" + name + "' is no name for a path: expected letters, digits, '-' and '_'");
    }
    section_ = Section::kPath;
    path_ = PathSpec();
    path_.name = name;
    copies_ = 1;
    open_ = true;
  }

  void EndPath() {
    if (!open_) return;
    open_ = false;
    for (int64_t copy = 1; copy <= copies_; copy++) {
      PathSpec path = path_;
      if (copies_ > 1) path.name += "." + std::to_string(copy);
      for (const PathSpec& other : scenario_.paths) {
        if (other.name == path.name) throw ScenarioError("there are two paths named '" + path.name + "'");
      }
      scenario_.paths.push_back(path);
    }
    if (scenario_.paths.size() > kMostPaths) {
      throw ScenarioError("more than " + std::to_string(kMostPaths) + " paths");
    }
  }

  void HeadKey(const std::string& key, const std::string& value) {
    if (key.compare(0, 4, "set ") == 0) {
      const std::string name = Trimmed(key.substr(4));
      if (!IsName(name)) throw ScenarioError("'" + name + "' is no name for a variable");
      const auto override = overrides_.find(name);
      scenario_.variables[name] = override == overrides_.end() ? value : override->second;
    } else if (key == "about") {
      scenario_.about = value;
    } else if (key == "mtu") {
      const auto mtu = ReadWhole(value);
      if (!mtu || *mtu < 576 || *mtu > 9000) throw ScenarioError("'" + value + "' is no MTU: expected 576 to 9000");
      scenario_.mtu = *mtu;
    } else if (key == "flows") {
      if (value != "hash" && value != "deal") {
        throw ScenarioError("expected 'hash' (by addresses and ports) or 'deal' (in turn), not '" + value + "'");
      }
      scenario_.spread = value == "hash" ? Spread::kHash : Spread::kDeal;
    } else {
      throw ScenarioError("'" + key +
                          "' is not known before the first section; there are about, mtu, flows and set NAME");
    }
  }

  void PathKey(const std::string& key, const std::string& value) {
    if (key == "uplink") {
      const auto uplink = ReadWhole(value);
      if (!uplink || *uplink < 1 || *uplink > kMostUplinks) {
        throw ScenarioError("'" + value + "' is no uplink: expected 1 to " + std::to_string(kMostUplinks));
      }
      path_.uplink = static_cast<int>(*uplink);
    } else if (key == "copies") {
      const auto copies = ReadWhole(value);
      if (!copies || *copies < 1) throw ScenarioError("'" + value + "' is no number of copies: expected 1 or more");
      copies_ = std::min<int64_t>(*copies, kMostPaths + 1);
    } else if (key.compare(0, 3, "up.") == 0) {
      SetLink(&path_.links[Index(Direction::kUp)], key.substr(3), value);
    } else if (key.compare(0, 5, "down.") == 0) {
      SetLink(&path_.links[Index(Direction::kDown)], key.substr(5), value);
    } else {
      for (LinkSettings& link : path_.links) SetLink(&link, key, value);
    }
  }

  // at TIME ACTION, every TIME ACTION, randomly TIME ACTION
  Event ParseEvent(const std::string& text) {
    std::istringstream words(text);
    std::string when;
    std::string time;
    words >> when >> time;
    Event event;
    if (when == "every") {
      event.kind = Event::Kind::kEvery;
    } else if (when == "randomly") {
      event.kind = Event::Kind::kRandomly;
    } else if (when != "at") {
      throw ScenarioError("expected 'at TIME', 'every TIME' or 'randomly TIME', not '" + when + "'");
    }
    const auto read = ReadTime(time);
    if (!read) throw ScenarioError("'" + time + "' is no time: expected one such as 500ms or 3s");
    if (event.kind != Event::Kind::kOnce && *read < kMillisecond) {
      throw ScenarioError("what happens again and again needs at least 1ms between");
    }
    event.time = *read;
    std::string action;
    std::getline(words, action);
    event.action = ParseAction(scenario_, Trimmed(action));
    return event;
  }

  // Puts in the variables: $loss, or ${loss} where letters follow.
  std::string Expand(const std::string& text) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
      if (text[at] != '$') {
        out += text[at++];
        continue;
      }
      const bool braced = at + 1 < text.size() && text[at + 1] == '{';
      size_t end = at + (braced ? 2 : 1);
      const size_t start = end;
      while (end < text.size() && IsName(text.substr(end, 1))) end++;
      const std::string name = text.substr(start, end - start);
      if (braced && (end >= text.size() || text[end] != '}'))
        throw ScenarioError("expected '}' after '${" + name + "'");
      const auto variable = scenario_.variables.find(name);
      if (variable == scenario_.variables.end()) {
        throw ScenarioError("$" + name + " has no value: expected 'set " + name + " = ...' above");
      }
      out += variable->second;
      at = end + (braced ? 1 : 0);
    }
    return out;
  }

  void Finish() {
    if (scenario_.paths.empty()) throw ScenarioError("expected at least one [path NAME]");
    for (const auto& [name, value] : overrides_) {
      if (scenario_.variables.count(name) > 0) continue;
      std::string known;
      for (const auto& [variable, text] : scenario_.variables) known += (known.empty() ? "" : ", ") + variable;
      throw ScenarioError("--set " + name + ": it has " + (known.empty() ? "nothing to set" : "only " + known));
    }
  }

  const std::map<std::string, std::string>& overrides_;
  Scenario scenario_;
  Section section_ = Section::kHead;
  PathSpec path_;
  int64_t copies_ = 1;
  bool open_ = false;
  int line_ = 0;
  std::vector<std::pair<int, std::string>> events_;
};

}  // namespace

std::vector<int> Scenario::Uplinks() const {
  std::set<int> uplinks;
  for (const PathSpec& path : paths) uplinks.insert(path.uplink);
  return {uplinks.begin(), uplinks.end()};
}

Scenario ParseScenario(const std::string& file, const std::string& text,
                       const std::map<std::string, std::string>& overrides) {
  return Parser(file, overrides).Parse(text);
}

Scenario ReadScenario(const std::string& file, const std::map<std::string, std::string>& overrides) {
  std::ifstream stream(file);
  std::stringstream text;
  if (!stream || !(text << stream.rdbuf())) throw ScenarioError(file + ": cannot be read: " + strerror(errno));
  return ParseScenario(file, text.str(), overrides);
}

}  // namespace wan

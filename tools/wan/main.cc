// The command line: wan run, shell, check, list, say. See README.md.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "emulator.h"
#include "shell.h"

namespace wan {
namespace {

constexpr const char* kUsage =
    R"(usage: wan run SCENARIO [--set NAME=VALUE]... [--seed N] [--report FILE] [--hold] [--quiet]
               [--congestion NAME] -- COMMAND...
       wan shell SCENARIO [the same options]
       wan say ACTION...
       wan check SCENARIO... [--set NAME=VALUE]...
       wan list

  run    makes a network as SCENARIO says, runs COMMAND, and takes the network down when that ends. COMMAND finds the two
         hosts in WAN_CLIENT_NS and WAN_SERVER_NS (ip netns exec "$WAN_CLIENT_NS" ...), their addresses in WAN_CLIENT and
         WAN_SERVER; of all uplinks, with commas between, in WAN_CLIENT_ADDRESSES and WAN_SERVER_ADDRESSES
  shell  the same, with a shell on each host
  say    tells a running network something: an action of the [events] section, `go`, or `report`
  check  reads scenarios and says in words what they mean
  list   the scenarios that come with it

  --set     another value for what the scenario declares with `set`
  --seed    of everything random; without it a new one, which is printed
  --report  where the counts go as JSON; - is the standard output
  --hold    events wait for `wan say go`; without it they count from the start of COMMAND
  --quiet   no summary at the end
  --congestion  TCP's congestion control where a program chooses none; without it the machine's own

A SCENARIO is a name that `wan list` shows, or a file.
)";

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Options {
  std::vector<std::string> words;
  std::map<std::string, std::string> variables;
  std::optional<uint64_t> seed;
  std::string report;
  std::string congestion;
  bool hold = false;
  bool quiet = false;
  std::vector<std::string> command;
};

Options ReadOptions(const std::vector<std::string>& arguments) {
  Options options;
  for (size_t i = 0; i < arguments.size(); i++) {
    const std::string& word = arguments[i];
    const auto value = [&] {
      if (i + 1 == arguments.size()) throw UsageError(word + " needs a value");
      return arguments[++i];
    };
    if (word == "--") {
      options.command.assign(arguments.begin() + static_cast<long>(i) + 1, arguments.end());
      break;
    }
    if (word == "--set") {
      const std::string pair = value();
      const size_t equals = pair.find('=');
      if (equals == 0 || equals == std::string::npos) throw UsageError("--set takes NAME=VALUE, not '" + pair + "'");
      options.variables[pair.substr(0, equals)] = pair.substr(equals + 1);
    } else if (word == "--seed") {
      const std::string text = value();
      char* end;
      options.seed = strtoull(text.c_str(), &end, 10);
      if (text.empty() || *end != '\0' || text[0] == '-') throw UsageError("--seed takes a number, not '" + text + "'");
    } else if (word == "--report") {
      options.report = value();
    } else if (word == "--congestion") {
      options.congestion = value();
    } else if (word == "--hold") {
      options.hold = true;
    } else if (word == "--quiet") {
      options.quiet = true;
    } else if (word.compare(0, 1, "-") == 0) {
      throw UsageError("'" + word + "' is no option");
    } else {
      options.words.push_back(word);
    }
  }
  return options;
}

const std::string kFolder = std::string(WAN_SCENARIOS) + "/";
const std::string kEnding = ".wan";

Scenario Load(const std::string& name, const std::map<std::string, std::string>& variables) {
  if (access(name.c_str(), F_OK) == 0) return ReadScenario(name, variables);
  const std::string ours = kFolder + name + kEnding;
  if (access(ours.c_str(), F_OK) == 0) return ReadScenario(ours, variables);
  throw ScenarioError("there is no scenario '" + name +
                      "': `wan list` shows those that come with it; a file will do, too");
}

std::string Joined(const std::vector<int>& uplinks, std::string (*address)(int)) {
  std::string out;
  for (const int uplink : uplinks) out += (out.empty() ? "" : ",") + address(uplink);
  return out;
}

void WriteReport(const std::string& file, const std::string& text) {
  if (file.empty()) return;
  if (file == "-") {
    fputs(text.c_str(), stdout);
    return;
  }
  std::ofstream stream(file);
  if (!(stream << text)) throw SetupError(file + " cannot be written: " + strerror(errno));
}

uint64_t NewSeed() {
  uint32_t seed = 0;
  // Short enough to be typed.
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) throw SetupError(std::string("getrandom: ") + strerror(errno));
  return seed;
}

int RunScenario(const Options& options, bool with_shells) {
  if (options.words.size() != 1) throw UsageError("expected one SCENARIO");
  if (!with_shells && options.command.empty()) throw UsageError("expected -- COMMAND... at the end");
  if (with_shells && !options.command.empty()) throw UsageError("'shell' takes no command");
  const Scenario scenario = Load(options.words[0], options.variables);
  const uint64_t seed = options.seed ? *options.seed : NewSeed();
  // Signals first: from here on Ctrl-C takes the namespaces down as well.
  Command command;
  const Hosts hosts(scenario, options.congestion);
  Emulator emulator(scenario, seed, &hosts);
  const auto uplinks = scenario.Uplinks();
  const std::map<std::string, std::string> environment = {
      {"WAN_CLIENT_NS", hosts.client()},
      {"WAN_SERVER_NS", hosts.server()},
      {"WAN_CLIENT", ClientAddress(uplinks[0])},
      {"WAN_SERVER", ServerAddress(uplinks[0])},
      {"WAN_CLIENT_ADDRESSES", Joined(uplinks, ClientAddress)},
      {"WAN_SERVER_ADDRESSES", Joined(uplinks, ServerAddress)},
      {"WAN_CONTROL", emulator.control_path()},
  };
  fprintf(stderr, "wan: %s, seed %llu; client %s %s, server %s %s\n", options.words[0].c_str(),
          static_cast<unsigned long long>(seed), hosts.client().c_str(), Joined(uplinks, ClientAddress).c_str(),
          hosts.server().c_str(), Joined(uplinks, ServerAddress).c_str());
  const std::string addresses =
      "client " + Joined(uplinks, ClientAddress) + ", server " + Joined(uplinks, ServerAddress);
  const auto words =
      with_shells ? ShellCommand(hosts.client(), hosts.server(), addresses, Describe(scenario)) : options.command;
  if (!words.empty()) command.Start(words, environment);
  const int code = emulator.Run(&command, options.hold);
  WriteReport(options.report, emulator.Report());
  if (!options.quiet) fputs(emulator.SummaryText().c_str(), stderr);
  return code;
}

int Check(const Options& options) {
  if (options.words.empty()) throw UsageError("expected a SCENARIO");
  for (const std::string& word : options.words) fputs(Describe(Load(word, options.variables)).c_str(), stdout);
  return 0;
}

int List() {
  std::vector<std::string> names;
  DIR* folder = opendir(WAN_SCENARIOS);
  if (folder == nullptr) throw SetupError(std::string(WAN_SCENARIOS) + ": " + strerror(errno));
  while (const dirent* entry = readdir(folder)) {
    const std::string file = entry->d_name;
    if (file.size() > kEnding.size() && file.substr(file.size() - kEnding.size()) == kEnding) {
      names.push_back(file.substr(0, file.size() - kEnding.size()));
    }
  }
  closedir(folder);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) printf("%-16s %s\n", name.c_str(), Load(name, {}).about.c_str());
  return 0;
}

int SayIt(const std::vector<std::string>& words) {
  if (words.empty()) throw UsageError("expected something to say");
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  const std::string answer = Say(FindControl(), line);
  const bool refused = answer.compare(0, 7, "error: ") == 0;
  fputs(refused ? ("wan: " + answer.substr(7)).c_str() : answer.c_str(), refused ? stderr : stdout);
  return refused ? 1 : 0;
}

int Main(const std::vector<std::string>& arguments) {
  const std::string verb = arguments.empty() ? "" : arguments[0];
  const std::vector<std::string> rest(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  if (verb == "-h" || verb == "--help" || verb == "help") {
    fputs(kUsage, stdout);
    return 0;
  }
  if (verb == "run" || verb == "shell") return RunScenario(ReadOptions(rest), verb == "shell");
  if (verb == "check") return Check(ReadOptions(rest));
  if (verb == "list") return List();
  if (verb == "say") return SayIt(rest);
  throw UsageError(verb.empty() ? "what is to be done?" : "'" + verb + "' is not known");
}

}  // namespace
}  // namespace wan

int main(int argc, char** argv) {
  try {
    return wan::Main(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const wan::UsageError& error) {
    fprintf(stderr, "wan: %s\n\n%s", error.what(), wan::kUsage);
    return 2;
  } catch (const wan::ScenarioError& error) {
    fprintf(stderr, "wan: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fprintf(stderr, "wan: %s\n", error.what());
    return 1;
  }
}

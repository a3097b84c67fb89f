#include "shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sstream>

#include "hosts.h"

namespace wan {
namespace {

bool Has(const std::string& program) {
  const char* path = getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

std::string On(const std::string& host, const char* prompt) {
  return "exec ip netns exec " + host + " env PS1='" + prompt + "$ ' bash --norc";
}

}  // namespace

std::vector<std::string> ShellCommand(const std::string& client, const std::string& server,
                                      const std::string& addresses, const std::string& description) {
  fputs(description.c_str(), stderr);
  if (Has("tmux") && isatty(0) && isatty(1)) {
    // A server of its own, so that it ends with us; and without TMUX, or it would refuse to run inside another one.
    return {"env",
            "-u",
            "TMUX",
            "tmux",
            "-L",
            client,
            "-f",
            "/dev/null",
            "new-session",
            On(client, "client"),
            ";",
            "split-window",
            "-h",
            On(server, "server"),
            ";",
            "set",
            "status-right",
            "",
            ";",
            "set",
            "status-left-length",
            "100",
            ";",
            "set",
            "status-left",
            addresses + ". Exit both shells to end.",
            ";",
            "set",
            "window-status-current-format",
            "",
            ";",
            "set",
            "mouse",
            "on",
            ";",
            "select-pane",
            "-L"};
  }
  fprintf(stderr,
          "Two shells, in other terminals (as root):\n"
          "  nsenter --net=/run/netns/%s\n  nsenter --net=/run/netns/%s\nCtrl-C here ends the network.\n",
          client.c_str(), server.c_str());
  return {};
}

}  // namespace wan

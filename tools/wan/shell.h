// `wan shell`: what gives a user a shell on each host.
#ifndef TCP_STRIPER_WAN_SHELL_H_
#define TCP_STRIPER_WAN_SHELL_H_

#include <string>
#include <vector>

namespace wan {

// The command to run: tmux with two panes, where there is one and a terminal. Otherwise none: it has then printed what
// to type elsewhere, and the network stays until Ctrl-C.
// `addresses` are shown while it runs, `description` before.
std::vector<std::string> ShellCommand(const std::string& client, const std::string& server,
                                      const std::string& addresses, const std::string& description);

}  // namespace wan

#endif  // TCP_STRIPER_WAN_SHELL_H_

// How others talk to a running emulator: a line to a Unix socket, and the answer back. `wan say` is one end.
#ifndef TCP_STRIPER_WAN_CONTROL_H_
#define TCP_STRIPER_WAN_CONTROL_H_

#include <sys/types.h>

#include <functional>
#include <string>

namespace wan {

std::string ControlPath(pid_t pid);

class ControlServer {
 public:
  using Answer = std::function<std::string(const std::string& line)>;

  explicit ControlServer(Answer answer);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  int fd() const { return fd_; }
  const std::string& path() const { return path_; }
  // Serves one who called.
  void Accept();

 private:
  Answer answer_;
  std::string path_;
  int fd_;
};

// Sends a line to the emulator with that socket, and returns its answer. Throws SetupError.
std::string Say(const std::string& path, const std::string& line);

// The socket of the emulator that WAN_CONTROL names, or of the only one that runs. Throws SetupError.
std::string FindControl();

}  // namespace wan

#endif  // TCP_STRIPER_WAN_CONTROL_H_

// The command that an emulator runs for: started, told of signals, waited for.
#ifndef TCP_STRIPER_WAN_COMMAND_H_
#define TCP_STRIPER_WAN_COMMAND_H_

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "units.h"

namespace wan {

class Command {
 public:
  // From here on signals come through signal_fd(). Without words it ends with the first signal.
  Command();
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  void Start(const std::vector<std::string>& words, const std::map<std::string, std::string>& environment);

  int signal_fd() const { return signal_fd_; }
  void Signalled();
  // To be called now and then: kills what does not end though it was told to.
  void Tick();

  bool has_ended() const { return has_ended_; }
  int exit_code() const { return exit_code_; }

 private:
  void Pass(int signal, bool from_terminal);
  void Collect();

  int signal_fd_;
  pid_t pid_ = 0;
  bool has_ended_ = false;
  int exit_code_ = 0;
  int signals_ = 0;
  Nanos kill_at_ = kNever;
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_COMMAND_H_

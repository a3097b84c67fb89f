// Network namespaces with names, as `ip netns` has them.
#ifndef TCP_STRIPER_WAN_NAMESPACES_H_
#define TCP_STRIPER_WAN_NAMESPACES_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace wan {

// Runs `ip` with these words, and lines for its standard input; throws SetupError with what it said.
void Ip(const std::vector<std::string>& words, const std::string& input = "");

// While it lives, this thread is in that namespace.
class InNamespace {
 public:
  explicit InNamespace(const std::string& name);
  ~InNamespace();
  InNamespace(const InNamespace&) = delete;
  InNamespace& operator=(const InNamespace&) = delete;

 private:
  int home_;
};

// Writes a file under /proc/sys of the namespace that this thread is in. What the kernel does not have is passed over.
void WriteSysctl(const std::string& path, const std::string& value);

// Ends the processes that are in it.
void EndProcessesIn(const std::string& name);

// Removes the namespaces called PREFIX-<pid> whose process is no emulator any more, and its socket.
void RemoveStale(const std::vector<std::string>& prefixes);

// Whether the process with this id runs our program.
bool IsEmulator(pid_t pid);

}  // namespace wan

#endif  // TCP_STRIPER_WAN_NAMESPACES_H_

#include "namespaces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "hosts.h"

namespace wan {
namespace {

constexpr const char* kNamed = "/run/netns/";

std::string Error(const std::string& what) { return what + ": " + strerror(errno); }

std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(got));
  return text;
}

std::vector<std::string> EntriesOf(const std::string& folder) {
  std::vector<std::string> names;
  DIR* stream = opendir(folder.c_str());
  if (stream == nullptr) return names;
  while (const dirent* entry = readdir(stream)) names.push_back(entry->d_name);
  closedir(stream);
  return names;
}

// 0 for what is no process id.
pid_t PidOf(const std::string& text) {
  char* end;
  const long pid = strtol(text.c_str(), &end, 10);
  return *end == '\0' && pid > 0 ? static_cast<pid_t>(pid) : 0;
}

std::vector<pid_t> ProcessesIn(const std::string& name) {
  std::vector<pid_t> found;
  struct stat wanted;
  if (stat((kNamed + name).c_str(), &wanted) != 0) return found;
  for (const std::string& entry : EntriesOf("/proc")) {
    struct stat own;
    const pid_t pid = PidOf(entry);
    if (pid == 0 || stat(("/proc/" + entry + "/ns/net").c_str(), &own) != 0) continue;
    if (own.st_ino == wanted.st_ino && own.st_dev == wanted.st_dev) found.push_back(pid);
  }
  return found;
}

}  // namespace

void Ip(const std::vector<std::string>& words, const std::string& input) {
  int in[2];
  int err[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw SetupError(Error("pipe"));
  std::vector<char*> arguments = {const_cast<char*>("ip")};
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) throw SetupError(Error("fork"));
  if (child == 0) {
    dup2(in[0], 0);
    dup2(err[1], 1);
    dup2(err[1], 2);
    const char* path = getenv("PATH");
    // Debian keeps it out of an ordinary user's PATH.
    setenv("PATH", (std::string(path == nullptr ? "" : path) + ":/usr/sbin:/sbin").c_str(), 1);
    execvp("ip", arguments.data());
    _exit(127);
  }
  close(in[0]);
  close(err[1]);
  // Much shorter than what a pipe holds.
  const bool written = input.empty() || write(in[1], input.data(), input.size()) == static_cast<ssize_t>(input.size());
  close(in[1]);
  const std::string said = ReadAll(err[0]);
  close(err[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (written && WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
    throw SetupError("there is no program 'ip' here; on Debian: apt-get install iproute2");
  }
  std::string line = "ip";
  for (const std::string& word : words) line += " " + word;
  throw SetupError("`" + line + "` failed: " + said);
}

InNamespace::InNamespace(const std::string& name) : home_(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
  const int there = open((kNamed + name).c_str(), O_RDONLY | O_CLOEXEC);
  if (home_ < 0 || there < 0 || setns(there, CLONE_NEWNET) != 0)
    throw SetupError(Error("cannot enter namespace " + name));
  close(there);
}

InNamespace::~InNamespace() {
  // To go on in the wrong network would be worse than to end.
  if (setns(home_, CLONE_NEWNET) != 0) abort();
  close(home_);
}

void WriteSysctl(const std::string& path, const std::string& value) {
  const int fd = open(("/proc/sys/" + path).c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return;
  if (fd < 0 || write(fd, value.data(), value.size()) < 0) throw SetupError(Error("cannot set " + path));
  close(fd);
}

void EndProcessesIn(const std::string& name) {
  for (const int signal : {SIGTERM, SIGKILL}) {
    for (const pid_t pid : ProcessesIn(name)) kill(pid, signal);
    for (int i = 0; i < 100 && !ProcessesIn(name).empty(); i++) usleep(10000);
  }
}

bool IsEmulator(pid_t pid) {
  char own[4096];
  char other[4096];
  const ssize_t own_size = readlink("/proc/self/exe", own, sizeof own);
  const ssize_t size = readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), other, sizeof other);
  if (size < 0 || own_size < 0) return false;
  // By the name alone: another checkout's, or one that was built anew meanwhile (" (deleted)"), is one as well.
  const std::string text(other, static_cast<size_t>(size));
  const std::string file = text.substr(text.rfind('/') + 1);
  const std::string mine = std::string(own, static_cast<size_t>(own_size));
  const std::string mine_file = mine.substr(mine.rfind('/') + 1);
  return file == mine_file || file == mine_file + " (deleted)";
}

void RemoveStale(const std::vector<std::string>& prefixes) {
  for (const std::string& name : EntriesOf(kNamed)) {
    for (const std::string& prefix : prefixes) {
      if (name.compare(0, prefix.size() + 1, prefix + "-") != 0) continue;
      const pid_t pid = PidOf(name.substr(prefix.size() + 1));
      if (pid == 0 || IsEmulator(pid)) continue;
      unlink(ControlPath(pid).c_str());
      Ip({"netns", "del", name});
    }
  }
}

}  // namespace wan

#include "control.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vector>

#include "hosts.h"
#include "namespaces.h"

namespace wan {
namespace {

constexpr const char* kBefore = "/run/wan-";
constexpr const char* kAfter = ".sock";
// Callers write their line at once. One that does not must not hold the packets up.
constexpr timeval kPatience = {0, 100000};

int UnixSocket(const std::string& path, sockaddr_un* address) {
  *address = {};
  address->sun_family = AF_UNIX;
  strncpy(address->sun_path, path.c_str(), sizeof address->sun_path - 1);
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

std::string ReadToEnd(int fd, bool one_line) {
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = recv(fd, buffer, sizeof buffer, 0)) > 0;) {
    text.append(buffer, static_cast<size_t>(got));
    if (one_line && text.find('\n') != std::string::npos) break;
  }
  return text;
}

bool SendAll(int fd, const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t sent = send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += static_cast<size_t>(sent);
  }
  return true;
}

}  // namespace

std::string ControlPath(pid_t pid) { return kBefore + std::to_string(pid) + kAfter; }

ControlServer::ControlServer(Answer answer) : answer_(std::move(answer)), path_(ControlPath(getpid())) {
  sockaddr_un address;
  fd_ = UnixSocket(path_, &address);
  unlink(path_.c_str());
  if (fd_ < 0 || bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd_, 16) != 0) {
    throw SetupError("cannot listen on " + path_ + ": " + strerror(errno));
  }
}

ControlServer::~ControlServer() {
  close(fd_);
  unlink(path_.c_str());
}

void ControlServer::Accept() {
  const int caller = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (caller < 0) return;
  setsockopt(caller, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  setsockopt(caller, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  const std::string text = ReadToEnd(caller, true);
  const size_t end = text.find('\n');
  if (end != std::string::npos) SendAll(caller, answer_(text.substr(0, end)));
  close(caller);
}

std::string Say(const std::string& path, const std::string& line) {
  sockaddr_un address;
  const int fd = UnixSocket(path, &address);
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw SetupError("no emulator answers at " + path + ": " + strerror(errno));
  }
  SendAll(fd, line + "\n");
  const std::string answer = ReadToEnd(fd, false);
  close(fd);
  if (answer.empty()) throw SetupError("the emulator at " + path + " gave no answer");
  return answer;
}

std::string FindControl() {
  if (const char* given = getenv("WAN_CONTROL")) return given;
  glob_t found = {};
  std::vector<std::string> alive;
  glob((std::string(kBefore) + "*" + kAfter).c_str(), 0, nullptr, &found);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    const std::string path = found.gl_pathv[i];
    if (IsEmulator(static_cast<pid_t>(atoi(path.c_str() + strlen(kBefore))))) alive.push_back(path);
  }
  globfree(&found);
  if (alive.size() == 1) return alive[0];
  if (alive.empty())
    throw SetupError("no emulator runs: start one with `wan shell SCENARIO` or `wan run SCENARIO -- ...`");
  std::string list;
  for (const std::string& path : alive) list += " WAN_CONTROL=" + path;
  throw SetupError("several emulators run; say which one:" + list);
}

}  // namespace wan

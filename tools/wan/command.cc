#include "command.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hosts.h"

namespace wan {
namespace {

constexpr Nanos kPatience = 5 * kSecond;

sigset_t OurSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

Nanos Clock() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

}  // namespace

Command::Command() {
  const sigset_t set = OurSignals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal_fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (signal_fd_ < 0) throw SetupError(std::string("signalfd: ") + strerror(errno));
}

Command::~Command() { close(signal_fd_); }

void Command::Start(const std::vector<std::string>& words, const std::map<std::string, std::string>& environment) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw SetupError(std::string("fork: ") + strerror(errno));
  if (pid_ > 0) return;
  // When we are killed, nothing would carry its packets any more.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  const sigset_t set = OurSignals();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_DFL);
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
  execvp(arguments[0], arguments.data());
  fprintf(stderr, "wan: cannot run %s: %s\n", arguments[0], strerror(errno));
  _exit(127);
}

void Command::Signalled() {
  signalfd_siginfo info;
  while (read(signal_fd_, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) {
      Collect();
    } else {
      Pass(static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL);
    }
  }
}

void Command::Pass(int signal, bool from_terminal) {
  if (pid_ == 0) {
    has_ended_ = true;
    return;
  }
  signals_++;
  // The terminal has told the command itself. It may take its time then; whoever presses again means it.
  if (!from_terminal) kill(pid_, signal);
  if (signals_ > 1) kill_at_ = Clock();
  if (signal != SIGINT) kill_at_ = std::min(kill_at_, Clock() + kPatience);
}

void Command::Tick() {
  if (pid_ == 0 || Clock() < kill_at_) return;
  kill(pid_, SIGKILL);
  kill_at_ = kNever;
}

void Command::Collect() {
  int status = 0;
  if (pid_ == 0 || waitpid(pid_, &status, WNOHANG) != pid_) return;
  has_ended_ = true;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace wan

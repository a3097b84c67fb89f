#include "emulator.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

namespace wan {
namespace {

// From one device at a time, so that what is due does not wait for long.
constexpr int kReadsInARow = 64;

// How much too late a packet may come for the sake of fewer wake-ups.
constexpr Nanos kGrain = 50 * kMicrosecond;

// Tags of what epoll watches; below them, the devices by their place.
constexpr uint64_t kSignals = 1 << 20;
constexpr uint64_t kControl = kSignals + 1;

Nanos Clock() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

Emulator::Emulator(const Scenario& scenario, uint64_t seed, const Hosts* hosts)
    : scenario_(scenario),
      seed_(seed),
      hosts_(hosts),
      network_(scenario, seed, this),
      control_([this](const std::string& line) { return Answer(line); }),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_fd_ < 0) throw SetupError(std::string("epoll_create1: ") + strerror(errno));
  for (size_t i = 0; i < hosts->devices().size(); i++) {
    const Device& device = hosts->devices()[i];
    if (device.sends == Direction::kUp) {
      client_fds_[device.uplink] = device.fd;
    } else {
      server_fd_ = device.fd;
    }
    Watch(device.fd, i);
  }
  Watch(control_.fd(), kControl);
  // Wake up when it is time and not up to 50 us later, and go before those whose packets we carry: a network is not
  // slower because the hosts are busy. Where that is not permitted it works as well, on a machine that is quiet.
  prctl(PR_SET_TIMERSLACK, 1);
  const sched_param lowest = {1};
  sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest);
}

Emulator::~Emulator() { close(epoll_fd_); }

void Emulator::Watch(int fd, uint64_t tag) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0)
    throw SetupError(std::string("epoll_ctl: ") + strerror(errno));
}

int Emulator::Run(Command* command, bool hold) {
  started_ = Clock();
  Watch(command->signal_fd(), kSignals);
  if (!hold) StartEvents();
  while (!command->has_ended()) {
    network_.Run(Clock());
    Wait(command);
  }
  return command->exit_code();
}

// Two wake-ups are at least a grain apart: at 500 Mbit/s that halves what the program takes of a core.
void Emulator::Rest() {
  const Nanos rested = Clock() - woken_;
  if (rested < kGrain) {
    const timespec rest = {0, kGrain - rested};
    nanosleep(&rest, nullptr);
    network_.Run(Clock());
  }
  woken_ = Clock();
}

void Emulator::Wait(Command* command) {
  Rest();
  const Nanos until = network_.NextWakeUp();
  const Nanos left = until == kNever ? kSecond : std::max<Nanos>(0, std::min(until - Clock(), kSecond));
  const timespec timeout = {left / kSecond, left % kSecond};
  epoll_event events[32];
  const int count = epoll_pwait2(epoll_fd_, events, 32, &timeout, nullptr);
  wakeups_++;
  for (int i = 0; i < count; i++) {
    const uint64_t tag = events[i].data.u64;
    if (tag == kSignals) {
      command->Signalled();
    } else if (tag == kControl) {
      control_.Accept();
    } else {
      Read(hosts_->devices()[tag]);
    }
  }
  command->Tick();
}

void Emulator::Read(const Device& device) {
  for (int i = 0; i < kReadsInARow; i++) {
    Packet* packet = network_.Take();
    const ssize_t size = read(device.fd, packet->Data(), network_.most_bytes());
    if (size <= 0) {
      network_.GiveBack(packet);
      return;
    }
    packet->size = static_cast<uint32_t>(size);
    int uplink = device.uplink;
    if (device.sends == Direction::kDown) {
      // The third number of the client's address, 10.77.<uplink>.1.
      uplink = size >= 20 && packet->Data()[16] == 10 && packet->Data()[17] == 77 ? packet->Data()[18] : 0;
    }
    network_.Arrive(packet, device.sends, uplink, Clock());
  }
}

bool Emulator::Deliver(Direction direction, int uplink, const uint8_t* data, size_t size, Nanos due) {
  const int fd = direction == Direction::kUp ? server_fd_ : client_fds_[uplink];
  const Nanos late = Clock() - due;
  delivered_++;
  late_ += late;
  most_late_ = std::max(most_late_, late);
  if (late > kMillisecond) late_packets_++;
  return write(fd, data, size) == static_cast<ssize_t>(size);
}

void Emulator::StartEvents() {
  events_started_ = true;
  network_.StartEvents(Clock());
}

std::string Emulator::Answer(const std::string& line) {
  try {
    if (line == "report") return Report();
    if (line == "go") {
      if (events_started_) return "error: the events have begun already\n";
      StartEvents();
      return "ok\n";
    }
    const Nanos now = Clock();
    network_.Run(now);
    network_.Do(ParseAction(scenario_, line), now);
    return "ok\n";
  } catch (const ScenarioError& error) {
    return std::string("error: ") + error.what() + "; besides those there are 'go' and 'report'\n";
  }
}

Effort Emulator::Measure() const {
  Effort effort;
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  effort.seconds = static_cast<double>(Clock() - started_) / kSecond;
  effort.user_seconds = Seconds(usage.ru_utime);
  effort.system_seconds = Seconds(usage.ru_stime);
  effort.wakeups = wakeups_;
  effort.mean_late_us =
      delivered_ == 0 ? 0 : static_cast<double>(late_) / static_cast<double>(delivered_) / kMicrosecond;
  effort.most_late_us = static_cast<double>(most_late_) / kMicrosecond;
  effort.late_packets = late_packets_;
  for (const Device& device : hosts_->devices()) {
    const char* host = device.sends == Direction::kUp ? "client" : "server";
    effort.devices.push_back({host, device.name, hosts_->Overrun(device)});
  }
  return effort;
}

std::string Emulator::Report() const { return JsonReport(scenario_, seed_, network_, Measure()); }

}  // namespace wan

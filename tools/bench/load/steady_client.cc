// Short connections at a steady rate, whether or not the earlier ones have been answered: open, send a small message, get
// it back, end, and see the end come back. Prints one line of JSON; whatever went wrong is counted by its name.
#include <sys/epoll.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "net.h"

namespace {

constexpr double kPatience = 10;  // seconds; what takes longer has failed

struct Connection {
  int fd = -1;
  bool sent = false;
  bool ended = false;
  size_t received = 0;
  double since = 0;
};

class SteadyClient {
 public:
  SteadyClient(long port, size_t messageBytes)
      : port_(port), message_(messageBytes, 'x'), poll_(epoll_create1(EPOLL_CLOEXEC)) {}

  void run(double perSecond, double seconds) {
    double start = load::now();
    auto wanted = static_cast<long>(perSecond * seconds);
    double swept = start;
    for (double at = start; opened_ < wanted || open_ > 0; at = load::now()) {
      auto due = std::min(wanted, static_cast<long>((at - start) * perSecond) + 1);
      for (; opened_ < due; opened_++) open(at);
      epoll_event events[64];
      int count = epoll_wait(poll_, events, 64, 1);
      for (int i = 0; i < count; i++) advance(slots_[events[i].data.u32]);
      if (at - swept > 0.5) {
        for (Connection& connection : slots_) {
          if (connection.fd >= 0 && at - connection.since > kPatience) fail(connection, "no answer in time");
        }
        swept = at;
      }
    }
    // To the last answer: a backlog that grew meanwhile is not a rate that was kept.
    took = load::now() - start;
  }

  double percentile(double p) {
    if (milliseconds_.empty()) return 0;
    std::sort(milliseconds_.begin(), milliseconds_.end());
    auto index = static_cast<size_t>(p * static_cast<double>(milliseconds_.size()));
    return milliseconds_[std::min(milliseconds_.size() - 1, index)];
  }

  size_t completed() const { return milliseconds_.size(); }

  std::map<std::string, long> errors;
  double took = 0;

 private:
  void open(double at) {
    int fd = load::tryConnect(port_, SOCK_NONBLOCK);
    if (fd < 0) {
      errors[std::string("connect: ") + strerror(errno)]++;
      return;
    }
    size_t slot;
    if (free_.empty()) {
      slot = slots_.size();
      slots_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    slots_[slot] = Connection();
    slots_[slot].fd = fd;
    slots_[slot].since = at;
    open_++;
    watch(EPOLL_CTL_ADD, slot, EPOLLOUT);
  }

  void watch(int operation, size_t slot, uint32_t events) {
    epoll_event event = {};
    event.events = events;
    event.data.u32 = static_cast<uint32_t>(slot);
    epoll_ctl(poll_, operation, slots_[slot].fd, &event);
  }

  void advance(Connection& connection) {
    if (connection.fd < 0) return;
    if (!connection.sent) {
      if (send(connection.fd, message_.data(), message_.size(), 0) != static_cast<ssize_t>(message_.size())) {
        return fail(connection, strerror(errno));
      }
      connection.sent = true;
      watch(EPOLL_CTL_MOD, static_cast<size_t>(&connection - slots_.data()), EPOLLIN);
      return;
    }
    char buffer[16 * 1024];
    ssize_t got = recv(connection.fd, buffer, sizeof buffer, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) return fail(connection, strerror(errno));
    if (got == 0) {
      if (!connection.ended) return fail(connection, "ended before the answer");
      milliseconds_.push_back((load::now() - connection.since) * 1000);
      return release(connection);
    }
    if (memcmp(buffer, message_.data(), std::min(static_cast<size_t>(got), message_.size())) != 0) {
      return fail(connection, "another answer");
    }
    connection.received += static_cast<size_t>(got);
    if (connection.received > message_.size()) return fail(connection, "too long an answer");
    if (connection.received == message_.size()) {
      shutdown(connection.fd, SHUT_WR);
      connection.ended = true;
    }
  }

  void fail(Connection& connection, const char* why) {
    errors[why]++;
    release(connection);
  }

  void release(Connection& connection) {
    close(connection.fd);
    connection.fd = -1;
    open_--;
    free_.push_back(static_cast<size_t>(&connection - slots_.data()));
  }

  long port_;
  std::vector<Connection> slots_;
  std::vector<size_t> free_;
  std::vector<double> milliseconds_;
  std::vector<char> message_;
  long opened_ = 0;
  long open_ = 0;
  int poll_;
};

}  // namespace

int main(int argc, char** argv) {
  load::begin();
  const char* usage = "steady_client PORT PER_SECOND SECONDS BYTES";
  SteadyClient client(load::argument(argc, argv, 1, usage), static_cast<size_t>(load::argument(argc, argv, 4, usage)));
  auto perSecond = static_cast<double>(load::argument(argc, argv, 2, usage));
  auto seconds = static_cast<double>(load::argument(argc, argv, 3, usage));
  client.run(perSecond, seconds);
  long errors = 0;
  std::string words;
  for (const auto& [what, count] : client.errors) {
    errors += count;
    words += (words.empty() ? "" : ", ") + std::to_string(count) + " x " + what;
  }
  printf("{\"completed\":%zu,\"errors\":%ld,\"reasons\":\"%s\",\"seconds\":%.3f,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}\n",
         client.completed(), errors, words.c_str(), client.took, client.percentile(0.5), client.percentile(0.99),
         client.percentile(1));
}

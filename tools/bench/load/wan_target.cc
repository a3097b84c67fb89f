// The receiving end over a WAN, for connections of every purpose, until it is ended. Of bulk it counts what all connections
// bring, from the first byte on, and looks whether it is what was sent; when the time is up, it prints one line of JSON:
// goodput without the warm-up, and the longest time in which nothing came.
#include <sys/epoll.h>

#include <algorithm>
#include <map>

#include "bulk.h"
#include "wan_net.h"

namespace {

struct Connection {
  load::Hello hello;
  size_t greeted;   // bytes of the hello that came
  uint64_t offset;  // bytes that came behind it
};

class Target {
 public:
  Target(long port, bool mptcp) : poll_(epoll_create1(EPOLL_CLOEXEC)), listener_(load::streamSocket(mptcp)) {
    int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address = load::endOf("0.0.0.0", port);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) load::die("bind");
    if (listen(listener_, 128) != 0) load::die("listen");
    watch(listener_);
  }

  void run(double warmUp, double total) {
    double start = 0;  // when the first byte came
    double last = 0;
    double pause = 0;
    double pauseAt = 0;
    int64_t bytes = 0;
    std::vector<int64_t> tenths(static_cast<size_t>(total * 10) + 1);
    for (double at = 0; start == 0 || at < start + total; at = load::now()) {
      int64_t got = turn();
      at = load::now();
      if (start == 0 && got > 0) start = last = at;
      if (got == 0) continue;
      double since = at - start;
      if (since > total) break;
      tenths[static_cast<size_t>(since * 10)] += got;
      if (since < warmUp) {
        last = at;
        continue;
      }
      bytes += got;
      if (at - last > pause) {
        pause = at - last;
        pauseAt = last - start;
      }
      last = at;
    }
    // Also what has not ended yet.
    if (start + total - last > pause) {
      pause = start + total - last;
      pauseAt = last - start;
    }
    printf("{\"bytes\":%lld,\"seconds\":%.3f,\"longestPauseMs\":%.2f,\"pauseAtMs\":%.0f,\"startedAt\":%.4f,\"tenths\":[",
           static_cast<long long>(bytes), total - warmUp, pause * 1000, pauseAt * 1000, start);
    for (size_t i = 0; i + 1 < tenths.size(); i++) printf("%s%lld", i == 0 ? "" : ",", static_cast<long long>(tenths[i]));
    printf("]}\n");
    for (;;) turn();
  }

 private:
  void watch(int fd) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
  }

  // Returns how many bytes of bulk came.
  int64_t turn() {
    epoll_event events[64];
    int count = epoll_wait(poll_, events, 64, 5);
    int64_t bytes = 0;
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listener_) {
        accept();
        continue;
      }
      Connection& connection = connections_[fd];
      bool greeting = connection.greeted < sizeof connection.hello;
      char* into = greeting ? reinterpret_cast<char*>(&connection.hello) + connection.greeted : buffer_.data();
      size_t most = greeting ? sizeof connection.hello - connection.greeted : buffer_.size();
      // MPTCP knows no MSG_TRUNC, so all bytes are copied.
      ssize_t got = recv(fd, into, most, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got <= 0) {
        connections_.erase(fd);
        close(fd);
      } else if (greeting) {
        connection.greeted += static_cast<size_t>(got);
      } else {
        bytes += take(fd, connection, static_cast<size_t>(got));
      }
    }
    return bytes;
  }

  void accept() {
    int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    load::noDelay(fd);
    connections_[fd] = {};
    watch(fd);
  }

  int64_t take(int fd, Connection& connection, size_t got) {
    uint64_t offset = connection.offset;
    connection.offset += got;
    switch (connection.hello.purpose) {
      case load::Purpose::kBulk:
        if (memcmp(buffer_.data(), pattern_.at(offset), got) == 0) return static_cast<int64_t>(got);
        fprintf(stderr, "wrong bytes behind offset %llu\n", static_cast<unsigned long long>(offset));
        exit(1);
      case load::Purpose::kEcho:
        // Few and small: there is room for them.
        load::sendAll(fd, buffer_.data(), got);
        return 0;
      case load::Purpose::kUpload:
        if (connection.offset == connection.hello.bytes) load::sendAll(fd, "", 1);
        return 0;
    }
    fprintf(stderr, "a connection that says something else\n");
    exit(1);
  }

  int poll_;
  int listener_;
  std::map<int, Connection> connections_;
  load::Pattern pattern_;
  std::vector<char> buffer_ = std::vector<char>(load::Pattern::kMost);
};

}  // namespace

int main(int argc, char** argv) {
  load::begin();
  const char* usage = "wan_target PORT WARM_UP_MS TOTAL_MS [mptcp]";
  Target target(load::argument(argc, argv, 1, usage), argc > 4);
  printf("ready\n");
  target.run(static_cast<double>(load::argument(argc, argv, 2, usage)) / 1000,
             static_cast<double>(load::argument(argc, argv, 3, usage)) / 1000);
}

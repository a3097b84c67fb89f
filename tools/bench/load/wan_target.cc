// The receiving end of a transfer over a WAN. Counts what all connections bring, from the first byte on, and prints one
// line of JSON when the time is up: goodput without the warm-up, and the longest time in which nothing came.
#include <sys/epoll.h>

#include <algorithm>

#include "bulk.h"
#include "wan_net.h"

namespace {

constexpr double kPatience = 60;  // seconds for the first byte to come

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
    double begun = load::now();
    double start = 0;  // when the first byte came
    double last = 0;
    double pause = 0;
    double pauseAt = 0;
    int64_t bytes = 0;
    std::vector<int64_t> tenths(static_cast<size_t>(total * 10) + 1);
    for (double at = begun; start == 0 || at < start + total; at = load::now()) {
      int64_t got = turn();
      at = load::now();
      if (start == 0 && got > 0) start = last = at;
      if (start == 0 && at - begun > kPatience) {
        fprintf(stderr, "nothing came in %.0f s\n", kPatience);
        exit(1);
      }
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
    print(bytes, total - warmUp, pause, pauseAt, tenths);
  }

 private:
  static void print(int64_t bytes, double seconds, double pause, double pauseAt, const std::vector<int64_t>& tenths) {
    printf("{\"bytes\":%lld,\"seconds\":%.3f,\"longestPauseMs\":%.2f,\"pauseAtMs\":%.0f,\"tenths\":[",
           static_cast<long long>(bytes), seconds, pause * 1000, pauseAt * 1000);
    for (size_t i = 0; i + 1 < tenths.size(); i++) printf("%s%lld", i == 0 ? "" : ",", static_cast<long long>(tenths[i]));
    printf("]}\n");
  }

  void watch(int fd) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
  }

  int64_t turn() {
    epoll_event events[64];
    int count = epoll_wait(poll_, events, 64, 5);
    int64_t bytes = 0;
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listener_) {
        int accepted = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) watch(accepted);
        continue;
      }
      // MPTCP knows no MSG_TRUNC, so these bytes are copied.
      ssize_t got = recv(fd, buffer_.data(), buffer_.size(), 0);
      if (got > 0) bytes += got;
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) close(fd);
    }
    return bytes;
  }

  int poll_;
  int listener_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
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

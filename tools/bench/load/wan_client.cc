// The sending end of a transfer over a WAN: opens connections, to the given addresses and from the given ones in turn, and
// sends as much as they take until it is ended. A connection that breaks is gone, as it would be for its user.
#include <sys/epoll.h>

#include "bulk.h"
#include "wan_net.h"

namespace {

constexpr double kPatience = 10;  // seconds until somebody has to listen

int dial(const std::string& to, long port, const std::string& from, bool mptcp) {
  sockaddr_in far = load::endOf(to, port);
  for (double begun = load::now();;) {
    int fd = load::streamSocket(mptcp);
    if (!from.empty()) {
      sockaddr_in near = load::endOf(from, 0);
      if (bind(fd, reinterpret_cast<sockaddr*>(&near), sizeof near) != 0) load::die("bind");
    }
    // Blocking until it is there: flows that are dealt to paths are to come in their order.
    fcntl(fd, F_SETFL, 0);
    if (connect(fd, reinterpret_cast<sockaddr*>(&far), sizeof far) == 0) {
      fcntl(fd, F_SETFL, O_NONBLOCK);
      return fd;
    }
    if (load::now() - begun > kPatience) load::die("connect");
    close(fd);
    usleep(20000);
  }
}

}  // namespace

int main(int argc, char** argv) {
  load::begin();
  const char* usage = "wan_client ADDRESS,... PORT FLOWS [FROM,... [mptcp]]";
  long port = load::argument(argc, argv, 2, usage);
  long flows = load::argument(argc, argv, 3, usage);
  std::vector<std::string> to = load::split(argv[1]);
  std::vector<std::string> from = load::split(argc > 4 ? argv[4] : "");
  int poll = epoll_create1(EPOLL_CLOEXEC);
  for (long i = 0; i < flows; i++) {
    auto turn = static_cast<size_t>(i);
    int fd = dial(to[turn % to.size()], port, from.empty() ? "" : from[turn % from.size()], argc > 5);
    epoll_event event = {};
    event.events = EPOLLOUT;
    event.data.fd = fd;
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
  }
  printf("connected\n");
  std::vector<char> data(load::kBulkWrite, 'x');
  while (flows > 0) {
    epoll_event events[64];
    int count = epoll_wait(poll, events, 64, -1);
    for (int i = 0; i < count; i++) {
      ssize_t sent = send(events[i].data.fd, data.data(), data.size(), 0);
      if (sent >= 0 || errno == EAGAIN || errno == EINTR) continue;
      close(events[i].data.fd);
      flows--;
    }
  }
}

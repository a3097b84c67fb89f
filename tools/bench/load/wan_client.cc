// The sending end of a transfer over a WAN: opens connections, to the given addresses and from the given ones in turn, and
// sends as much as they take until it is ended. A connection that breaks is gone, as it would be for its user.
#include <sys/epoll.h>

#include "bulk.h"
#include "wan_net.h"

int main(int argc, char** argv) {
  load::begin();
  const char* usage = "wan_client ADDRESS,... PORT FLOWS [FROM,... [mptcp]]";
  long port = load::argument(argc, argv, 2, usage);
  long flows = load::argument(argc, argv, 3, usage);
  std::vector<std::string> to = load::split(argv[1]);
  std::vector<std::string> from = load::split(argc > 4 ? argv[4] : "");
  int poll = epoll_create1(EPOLL_CLOEXEC);
  struct Flow {
    int fd;
    uint64_t offset;
  };
  std::vector<Flow> all;
  for (long i = 0; i < flows; i++) {
    auto turn = static_cast<size_t>(i);
    const std::string near = from.empty() ? "" : from[turn % from.size()];
    int fd = load::dial(to[turn % to.size()], port, near, argc > 5, load::Purpose::kBulk);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    all.push_back({fd, 0});
    epoll_event event = {};
    event.events = EPOLLOUT;
    event.data.u64 = turn;
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
  }
  printf("connected\n");
  load::Pattern pattern;
  while (flows > 0) {
    epoll_event events[64];
    int count = epoll_wait(poll, events, 64, -1);
    for (int i = 0; i < count; i++) {
      Flow& flow = all[events[i].data.u64];
      ssize_t sent = send(flow.fd, pattern.at(flow.offset), load::kBulkWrite, 0);
      if (sent > 0) flow.offset += static_cast<uint64_t>(sent);
      if (sent >= 0 || errno == EAGAIN || errno == EINTR) continue;
      close(flow.fd);
      flows--;
    }
  }
}

// Echoes what it gets on any number of connections. Prints how many are open whenever that has changed and it has a
// moment to spare, so that a benchmark knows when the last of its connections has arrived here.
#include <sys/epoll.h>

#include "net.h"

int main(int argc, char** argv) {
  load::begin();
  int listener = load::listenOn(load::argument(argc, argv, 1, "echo_target PORT"), SOCK_NONBLOCK);
  int poll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.fd = listener;
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);

  static char buffer[64 * 1024];
  static epoll_event events[256];
  long open = 0, told = -1;
  for (;;) {
    // Waits without end once the count is told: a timer tick here would be noise in somebody's latency figures.
    int count = epoll_wait(poll, events, 256, open == told ? -1 : 20);
    if (count == 0 && open != told) {
      printf("open %ld\n", open);
      told = open;
    }
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        for (int accepted; (accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
          load::noDelay(accepted);
          event.data.fd = accepted;
          epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &event);
          open++;
        }
        continue;
      }
      ssize_t got = recv(fd, buffer, sizeof buffer, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      // The messages are small and the sender waits for its echo, so a full send buffer means a broken benchmark.
      if (got <= 0 || send(fd, buffer, static_cast<size_t>(got), 0) != got) {
        close(fd);
        open--;
      }
    }
  }
}

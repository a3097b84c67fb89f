// Short connections: open, send a small message, get it back, close; so many at a time, for a given time. Prints one
// line of JSON.
#include <sys/epoll.h>

#include <vector>

#include "net.h"

namespace {

struct Connection {
  int fd = -1;
  bool sent = false;
  size_t received = 0;
  double since = 0;
};

class RateClient {
 public:
  RateClient(long port, size_t concurrency, size_t messageBytes)
      : port_(port), connections_(concurrency), message_(messageBytes, 'x'), poll_(epoll_create1(EPOLL_CLOEXEC)) {}

  void run(double seconds) {
    double end = load::now() + seconds;
    for (Connection& connection : connections_) open(connection);
    double swept = load::now();
    for (double at = swept; at < end; at = load::now()) {
      epoll_event events[64];
      int count = epoll_wait(poll_, events, 64, 100);
      for (int i = 0; i < count; i++) advance(*static_cast<Connection*>(events[i].data.ptr));
      if (at - swept > 0.5) {
        sweep(at);
        swept = at;
      }
    }
  }

  long completed = 0;
  long errors = 0;
  int lastError = 0;

 private:
  void open(Connection& connection) {
    connection = Connection();
    connection.since = load::now();
    connection.fd = load::tryConnect(port_, SOCK_NONBLOCK);
    if (connection.fd < 0) {
      // Left for the sweep to try again: an error that comes at once must not make this a busy loop.
      errors++;
      lastError = errno;
      return;
    }
    epoll_event event = {};
    event.events = EPOLLOUT;
    event.data.ptr = &connection;
    epoll_ctl(poll_, EPOLL_CTL_ADD, connection.fd, &event);
  }

  void advance(Connection& connection) {
    if (!connection.sent) {
      if (send(connection.fd, message_.data(), message_.size(), 0) != static_cast<ssize_t>(message_.size())) {
        return fail(connection, errno);
      }
      connection.sent = true;
      epoll_event event = {};
      event.events = EPOLLIN;
      event.data.ptr = &connection;
      epoll_ctl(poll_, EPOLL_CTL_MOD, connection.fd, &event);
      return;
    }
    char buffer[16 * 1024];
    ssize_t got = recv(connection.fd, buffer, sizeof buffer, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return fail(connection, got == 0 ? EPIPE : errno);
    connection.received += static_cast<size_t>(got);
    if (connection.received < message_.size()) return;
    completed++;
    close(connection.fd);
    open(connection);
  }

  void fail(Connection& connection, int error) {
    errors++;
    lastError = error;
    close(connection.fd);
    open(connection);
  }

  // A connection that a relay lost without a word would otherwise take its place among the concurrent ones forever.
  void sweep(double at) {
    for (Connection& connection : connections_) {
      if (connection.fd < 0) {
        open(connection);
      } else if (at - connection.since > 3) {
        fail(connection, ETIMEDOUT);
      }
    }
  }

  long port_;
  std::vector<Connection> connections_;
  std::vector<char> message_;
  int poll_;
};

}  // namespace

int main(int argc, char** argv) {
  load::begin();
  const char* usage = "rate_client PORT CONCURRENCY MILLISECONDS BYTES";
  long port = load::argument(argc, argv, 1, usage);
  RateClient client(port, static_cast<size_t>(load::argument(argc, argv, 2, usage)),
                    static_cast<size_t>(load::argument(argc, argv, 4, usage)));
  double start = load::now();
  client.run(static_cast<double>(load::argument(argc, argv, 3, usage)) / 1000.0);
  double seconds = load::now() - start;
  printf("{\"completed\":%ld,\"errors\":%ld,\"lastError\":\"%s\",\"seconds\":%.6f,\"cpuSeconds\":%.6f}\n", client.completed,
         client.errors, client.errors > 0 ? strerror(client.lastError) : "", seconds, load::cpuSeconds());
}

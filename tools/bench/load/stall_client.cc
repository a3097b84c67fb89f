// Writes to many connections whose far end never reads, until none of them took a byte for a given time. Prints one
// line of JSON with the bytes that were absorbed on the way, then holds the connections until its standard input ends.
#include <vector>

#include "net.h"

int main(int argc, char** argv) {
  load::begin();
  const char* usage = "stall_client PORT COUNT QUIET_MILLISECONDS MAX_MILLISECONDS";
  long port = load::argument(argc, argv, 1, usage);
  auto count = static_cast<size_t>(load::argument(argc, argv, 2, usage));
  double quiet = static_cast<double>(load::argument(argc, argv, 3, usage)) / 1000.0;
  double limit = static_cast<double>(load::argument(argc, argv, 4, usage)) / 1000.0;

  std::vector<int> sockets;
  for (size_t i = 0; i < count; i++) {
    int fd = load::connectTo(port);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    sockets.push_back(fd);
  }

  std::vector<char> block(64 * 1024, 's');
  int64_t bytes = 0;
  double start = load::now();
  double moved = start;
  bool blocked = true;
  while (load::now() - moved < quiet) {
    if (load::now() - start > limit) {
      blocked = false;
      break;
    }
    bool any = false;
    for (int fd : sockets) {
      ssize_t sent = send(fd, block.data(), block.size(), 0);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) load::die("send");
      if (sent > 0) {
        bytes += sent;
        any = true;
      }
    }
    if (any) {
      moved = load::now();
    } else {
      usleep(5000);
    }
  }
  printf("{\"bytes\":%lld,\"blocked\":%s,\"seconds\":%.3f}\n", static_cast<long long>(bytes), blocked ? "true" : "false",
         load::now() - start);
  while (getchar() != EOF) {
  }
}

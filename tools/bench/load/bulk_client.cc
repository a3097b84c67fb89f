// The near end of a bulk transfer: one connection, as fast as it goes, one way, for a given time. Prints one line of
// JSON. The clock stops when the last byte is known to be at the receiver, so what lies in buffers is not counted as
// sent.
#include "bulk.h"

int main(int argc, char** argv) {
  load::begin();
  const char* usage = "bulk_client PORT up|down MILLISECONDS";
  long port = load::argument(argc, argv, 1, usage);
  auto milliseconds = static_cast<uint32_t>(load::argument(argc, argv, 3, usage));
  bool down = strcmp(argv[2], "down") == 0;

  int fd = load::connectTo(port);
  double start = load::now();
  load::BulkRequest request = {load::kBulkMagic, down ? 1u : 0u, milliseconds};
  if (!load::sendAll(fd, &request, sizeof request)) load::die("send");
  int64_t bytes = 0;
  if (down) {
    bytes = load::bulkDiscard(fd);
    if (bytes < 0) load::die("recv");
  } else {
    int64_t sent = load::bulkSend(fd, milliseconds);
    if (sent < 0) load::die("send");
    shutdown(fd, SHUT_WR);
    if (!load::recvAll(fd, &bytes, sizeof bytes)) load::die("recv of the count");
    if (bytes != sent) {
      fprintf(stderr, "sent %lld bytes, the target got %lld\n", static_cast<long long>(sent), static_cast<long long>(bytes));
      return 1;
    }
  }
  double seconds = load::now() - start;
  close(fd);
  printf("{\"bytes\":%lld,\"seconds\":%.6f,\"cpuSeconds\":%.6f}\n", static_cast<long long>(bytes), seconds,
         load::cpuSeconds());
}

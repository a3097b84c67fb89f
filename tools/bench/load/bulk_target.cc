// The far end of a bulk transfer: serves one connection at a time, for as long as it lives.
#include "bulk.h"

static void serve(int fd) {
  load::BulkRequest request;
  if (!load::recvAll(fd, &request, sizeof request) || request.magic != load::kBulkMagic) return;
  if (request.down) {
    load::bulkSend(fd, request.milliseconds);
    shutdown(fd, SHUT_WR);
    load::bulkDiscard(fd);  // stay until the client's FIN: an early close could turn into a reset
  } else {
    int64_t bytes = load::bulkDiscard(fd);
    load::sendAll(fd, &bytes, sizeof bytes);
  }
}

int main(int argc, char** argv) {
  load::begin();
  int listener = load::listenOn(load::argument(argc, argv, 1, "bulk_target PORT"));
  for (;;) {
    int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    serve(fd);
    close(fd);
  }
}

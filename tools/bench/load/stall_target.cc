// Accepts connections and never reads from them: the reader that has stalled.
#include "net.h"

int main(int argc, char** argv) {
  load::begin();
  int listener = load::listenOn(load::argument(argc, argv, 1, "stall_target PORT"));
  for (;;) {
    if (accept4(listener, nullptr, nullptr, SOCK_CLOEXEC) < 0 && errno != EINTR) usleep(1000);
  }
}

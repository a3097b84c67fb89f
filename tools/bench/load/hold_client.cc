// Opens many connections and holds them. It goes on one step for each line on its standard input, so that the
// benchmark can look at the relay's memory in between: connected -> one byte echoed on each -> closed.
#include <algorithm>
#include <vector>

#include "net.h"

static void awaitWord() {
  int c;
  while ((c = getchar()) != '\n') {
    if (c == EOF) exit(0);
  }
}

int main(int argc, char** argv) {
  load::begin();
  const char* usage = "hold_client PORT COUNT";
  long port = load::argument(argc, argv, 1, usage);
  auto count = static_cast<size_t>(load::argument(argc, argv, 2, usage));

  // One after the other: a relay with a short accept queue must not look bad for a burst that this measure is not about.
  std::vector<int> sockets;
  for (size_t i = 0; i < count; i++) sockets.push_back(load::connectTo(port));
  printf("connected\n");
  awaitWord();

  // Fifty at a time: the bytes of all five thousand at once would measure buffers in flight, not idle connections.
  constexpr size_t kBatch = 50;
  for (size_t from = 0; from < count; from += kBatch) {
    size_t to = std::min(count, from + kBatch);
    for (size_t i = from; i < to; i++) {
      if (!load::sendAll(sockets[i], "1", 1)) load::die("send");
    }
    for (size_t i = from; i < to; i++) {
      char echo;
      if (!load::recvAll(sockets[i], &echo, 1)) load::die("recv");
    }
  }
  printf("echoed\n");
  awaitWord();
}

// Messages over a WAN: a small one every so often, whatever has become of those before, and how long each took to come
// back. Prints one line of JSON. Those that went first are left out, and those that never came back are counted.
#include <poll.h>

#include "wan_net.h"

namespace {

constexpr double kPatience = 15;  // seconds for the last one to come back

}  // namespace

int main(int argc, char** argv) {
  load::begin();
  const char* usage = "wan_messages ADDRESS PORT FROM COUNT SKIP INTERVAL_MS BYTES [mptcp]";
  long port = load::argument(argc, argv, 2, usage);
  auto count = static_cast<size_t>(load::argument(argc, argv, 4, usage));
  auto skip = static_cast<size_t>(load::argument(argc, argv, 5, usage));
  double interval = static_cast<double>(load::argument(argc, argv, 6, usage)) / 1000;
  auto bytes = static_cast<size_t>(load::argument(argc, argv, 7, usage));
  int fd = load::dial(argv[1], port, argv[3], argc > 8, load::Purpose::kEcho);
  std::vector<char> message(bytes, 'm');
  std::vector<char> buffer(64 * 1024);
  std::vector<double> sentAt;
  std::vector<double> tookMs;
  uint64_t got = 0;
  const double begun = load::now();
  while (got < count * bytes) {
    double now = load::now();
    double next = sentAt.size() < count ? begun + interval * static_cast<double>(sentAt.size())
                                        : begun + interval * static_cast<double>(count) + kPatience;
    if (now >= next) {
      if (sentAt.size() == count) break;
      sentAt.push_back(now);
      if (!load::sendAll(fd, message.data(), bytes)) break;
      continue;
    }
    pollfd entry = {fd, POLLIN, 0};
    if (poll(&entry, 1, static_cast<int>((next - now) * 1000) + 1) <= 0) continue;
    ssize_t more = recv(fd, buffer.data(), buffer.size(), 0);
    if (more <= 0) break;
    size_t before = got / bytes;
    got += static_cast<uint64_t>(more);
    // They come back in order.
    for (size_t i = before; i < got / bytes; i++)
      if (i >= skip) tookMs.push_back((load::now() - sentAt[i]) * 1000);
  }
  printf("{\"ms\":");
  load::printMilliseconds(tookMs);
  printf(",\"lost\":%zu}\n", count - static_cast<size_t>(got / bytes));
}

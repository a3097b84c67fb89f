// Round trips of one byte over one connection, one after the other. Prints percentiles as one line of JSON.
#include <algorithm>
#include <vector>

#include "net.h"

int main(int argc, char** argv) {
  load::begin();
  const char* usage = "latency_client PORT ROUND_TRIPS MAX_MILLISECONDS";
  long port = load::argument(argc, argv, 1, usage);
  auto wanted = static_cast<size_t>(load::argument(argc, argv, 2, usage));
  double limit = static_cast<double>(load::argument(argc, argv, 3, usage)) / 1000.0;
  size_t warmUp = wanted / 10;

  int fd = load::connectTo(port);
  std::vector<double> microseconds;
  microseconds.reserve(wanted);
  double begun = load::now();
  for (size_t i = 0; i < warmUp + wanted; i++) {
    char byte = static_cast<char>(i);
    char echo = 0;
    double start = load::now();
    if (!load::sendAll(fd, &byte, 1) || !load::recvAll(fd, &echo, 1)) load::die("round trip");
    double end = load::now();
    if (echo != byte) {
      fprintf(stderr, "the echo differs\n");
      return 1;
    }
    if (i >= warmUp) microseconds.push_back((end - start) * 1e6);
    if (end - begun > limit) break;
  }
  close(fd);
  if (microseconds.empty()) {
    fprintf(stderr, "no round trip was done in time\n");
    return 1;
  }
  std::sort(microseconds.begin(), microseconds.end());
  auto percentile = [&](double p) {
    return microseconds[std::min(microseconds.size() - 1, static_cast<size_t>(p * static_cast<double>(microseconds.size())))];
  };
  printf("{\"roundTrips\":%zu,\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f}\n", microseconds.size(), percentile(0.5),
         percentile(0.9), percentile(0.99), percentile(0.999));
}

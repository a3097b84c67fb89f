// Transfers of given sizes over a WAN, each on a connection of its own: milliseconds from the first thought of connecting
// until the target has said that all is there. Of each size several, one after the other, as far as the time allows, but
// one at least. Prints one line of JSON; what took too long is null.
#include "wan_net.h"

namespace {

constexpr int kPatience = 60;  // seconds for one of them

double upload(const std::string& to, long port, const std::string& from, bool mptcp, const std::vector<char>& data) {
  double begun = load::now();
  int fd = load::dial(to, port, from, mptcp, load::Purpose::kUpload, static_cast<uint32_t>(data.size()));
  timeval limit = {kPatience, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  char answer;
  bool done = load::sendAll(fd, data.data(), data.size()) && load::recvAll(fd, &answer, 1);
  double took = (load::now() - begun) * 1000;
  close(fd);
  return done ? took : -1;
}

}  // namespace

int main(int argc, char** argv) {
  load::begin();
  const char* usage = "wan_uploads ADDRESS PORT FROM MOST EACH_MS SIZE,... [mptcp]";
  long port = load::argument(argc, argv, 2, usage);
  long most = load::argument(argc, argv, 4, usage);
  double each = static_cast<double>(load::argument(argc, argv, 5, usage)) / 1000;
  load::argument(argc, argv, 6, usage);
  const char* separator = "{";
  for (const std::string& size : load::split(argv[6])) {
    std::vector<char> data(std::stoul(size), 'u');
    printf("%s\"%s\":[", separator, size.c_str());
    separator = ",";
    double begun = load::now();
    for (long i = 0; i < most && (i == 0 || load::now() - begun < each); i++) {
      double took = upload(argv[1], port, argv[3], argc > 7, data);
      if (took < 0)
        printf("%snull", i == 0 ? "" : ",");
      else
        printf("%s%.2f", i == 0 ? "" : ",", took);
    }
    printf("]");
  }
  printf("}\n");
}

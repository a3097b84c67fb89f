#include "options.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <iterator>
#include <string>

#include "arguments.h"

namespace tcp_striper {
namespace {

constexpr int kTcpRtoMaxMs = 44;  // TCP_RTO_MAX_MS, Linux 6.15; older headers do not have it

struct Option {
  const char* name;
  int level;
  int option;
};

// Every one of these is an int to the kernel. JavaScript knows an option by its place here.
constexpr Option kOptions[] = {
    {"reuseAddress", SOL_SOCKET, SO_REUSEADDR},
    {"reusePort", SOL_SOCKET, SO_REUSEPORT},
    {"keepAlive", SOL_SOCKET, SO_KEEPALIVE},
    {"oobInline", SOL_SOCKET, SO_OOBINLINE},
    {"rcvLowAt", SOL_SOCKET, SO_RCVLOWAT},
    {"sendBuffer", SOL_SOCKET, SO_SNDBUF},
    {"receiveBuffer", SOL_SOCKET, SO_RCVBUF},
    {"mark", SOL_SOCKET, SO_MARK},
    {"priority", SOL_SOCKET, SO_PRIORITY},
    {"typeOfService", IPPROTO_IP, IP_TOS},
    {"bindAddressNoPort", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT},
    {"freeBind", IPPROTO_IP, IP_FREEBIND},
    {"v6Only", IPPROTO_IPV6, IPV6_V6ONLY},
    {"trafficClass", IPPROTO_IPV6, IPV6_TCLASS},
    {"noDelay", IPPROTO_TCP, TCP_NODELAY},
    {"cork", IPPROTO_TCP, TCP_CORK},
    {"quickAck", IPPROTO_TCP, TCP_QUICKACK},
    {"keepIdleSec", IPPROTO_TCP, TCP_KEEPIDLE},
    {"keepIntervalSec", IPPROTO_TCP, TCP_KEEPINTVL},
    {"keepCount", IPPROTO_TCP, TCP_KEEPCNT},
    {"userTimeoutMs", IPPROTO_TCP, TCP_USER_TIMEOUT},
    {"rtoMaxMs", IPPROTO_TCP, kTcpRtoMaxMs},
    {"notSentLowAt", IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {"synCount", IPPROTO_TCP, TCP_SYNCNT},
    {"deferAcceptSec", IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {"maxSegment", IPPROTO_TCP, TCP_MAXSEG},
    {"windowClamp", IPPROTO_TCP, TCP_WINDOW_CLAMP},
};

bool OptionArgument(napi_env env, napi_value value, const Option** out) {
  int index;
  if (!IntArgument(env, value, "option", 0, static_cast<int>(std::size(kOptions)) - 1, &index)) return false;
  *out = &kOptions[index];
  return true;
}

}  // namespace

Napi::Object OptionTable(Napi::Env env) {
  Napi::Object table = Napi::Object::New(env);
  for (size_t i = 0; i < std::size(kOptions); i++) table.Set(kOptions[i].name, static_cast<double>(i));
  table.Freeze();
  return table;
}

Napi::Value SetOption(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  const Option* option;
  int value;
  if (!FdArgument(env, info[0], &fd) || !OptionArgument(env, info[1], &option) ||
      !IntArgument(env, info[2], "value", INT_MIN, INT_MAX, &value)) {
    return Napi::Value();
  }
  return Napi::Number::New(env, ResultOf(setsockopt(fd, option->level, option->option, &value, sizeof value)));
}

Napi::Value GetOption(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  const Option* option;
  if (!FdArgument(env, info[0], &fd) || !OptionArgument(env, info[1], &option)) return Napi::Value();
  int value = 0;
  socklen_t length = sizeof value;
  const int result = ResultOf(getsockopt(fd, option->level, option->option, &value, &length));
  // As unsigned: TCP_NOTSENT_LOWAT, when it is "no limit", reads as all ones, which must not look like an errno.
  return Napi::Number::New(env, result < 0 ? result : static_cast<double>(static_cast<uint32_t>(value)));
}

Napi::Value SetCongestion(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  std::string name;
  if (!FdArgument(env, info[0], &fd) || !StringArgument(env, info[1], "name", &name)) return Napi::Value();
  const int result =
      ResultOf(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), static_cast<socklen_t>(name.size())));
  return Napi::Number::New(env, result);
}

Napi::Value GetCongestion(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  if (!FdArgument(env, info[0], &fd)) return Napi::Value();
  char name[64] = "";  // the kernel's TCP_CA_NAME_MAX is 16
  socklen_t length = sizeof name - 1;
  const int result = ResultOf(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length));
  if (result < 0) return Napi::Number::New(env, result);
  return Napi::String::New(env, name, strnlen(name, length));
}

Napi::Value BindToDevice(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  std::string name;
  if (!FdArgument(env, info[0], &fd) || !StringArgument(env, info[1], "name", &name)) return Napi::Value();
  // The kernel cuts a name that is too long, and would then bind to another interface.
  const int result = name.size() >= IF_NAMESIZE ? -ENODEV
                                                : ResultOf(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name.data(),
                                                                      static_cast<socklen_t>(name.size())));
  return Napi::Number::New(env, result);
}

}  // namespace tcp_striper

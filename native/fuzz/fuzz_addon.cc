// libFuzzer over what the addon parses: addresses from JavaScript and from the kernel, options, TCP_INFO. The kernel is part
// of the input: its answers are whatever the bytes say, within what its interface allows.

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "../address.h"
#include "../options.h"
#include "../tcp_info.h"
#include "fake_napi.h"

namespace {

// The bytes of an input, taken from the front.
struct Input {
  const uint8_t* data;
  size_t size;

  uint8_t Byte() {
    if (size == 0) return 0;
    size--;
    return *data++;
  }
  std::string Rest() { return std::string(reinterpret_cast<const char*>(data), size); }
};

Input input;
// Of TcpInfo, a whole array's worth and some more.
double fields[100];

void Check(bool holds) {
  if (!holds) abort();
}

// What the kernel writes: as much as there is room for; and what it says that it wrote.
int Answer(void* out, socklen_t* length, bool mayExceed) {
  const size_t room = *length;
  const size_t has = input.size < room ? input.size : room;
  memcpy(out, input.data, has);
  *length = static_cast<socklen_t>(mayExceed ? input.size : has);
  return 0;
}

void ParseAnyAddress() {
  const int families[] = {tcp_striper::kUnix, tcp_striper::kIpv4, tcp_striper::kIpv6};
  const int family = families[input.Byte() % 3];
  const int port = input.Byte() * 257;
  tcp_striper::Address address;
  const std::string host = input.Rest();
  const int result = tcp_striper::ParseAddress(family, host, port, &address);
  Check(result == 0 || result == -EINVAL || result == -ENODEV || result == -ENAMETOOLONG);
  if (result != 0) return;
  Check(address.length > sizeof(sa_family_t) && address.length <= sizeof address.storage);
  Check(address.get()->sa_family == tcp_striper::AddressFamily(family));
  if (family == tcp_striper::kUnix) return;
  // The parser below takes exactly what we let through to it.
  Check(host.find('\0') == std::string::npos);
  const auto& in = reinterpret_cast<const sockaddr_in&>(address.storage);
  const auto& in6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
  Check(ntohs(family == tcp_striper::kIpv4 ? in.sin_port : in6.sin6_port) == port);
}

void DescribeAddress(const Napi::CallbackInfo& info) { tcp_striper::LocalAddress(info); }

void ReadTcpInfo(const Napi::CallbackInfo& info) {
  const size_t length = input.size;
  for (double& field : fields) field = -1;
  tcp_striper::TcpInfo(info);
  for (const double field : fields) Check(isnan(field) || field >= 0 || (field == -1 && length >= 0));
}

}  // namespace

// In the place of libc's.
extern "C" int getsockname(int, sockaddr* out, socklen_t* length) { return Answer(out, length, false); }
extern "C" int getpeername(int, sockaddr* out, socklen_t* length) { return Answer(out, length, false); }
extern "C" int getsockopt(int, int, int, void* out, socklen_t* length) { return Answer(out, length, false); }
extern "C" int setsockopt(int, int, int, const void* value, socklen_t length) {
  // Reads all of it, as the kernel does.
  volatile uint8_t sum = 0;
  for (socklen_t i = 0; i < length; i++) sum = sum + static_cast<const uint8_t*>(value)[i];
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  input = {data, size};
  const napi_env env = nullptr;
  const uint8_t what = input.Byte() % 7;
  if (what == 0) {
    ParseAnyAddress();
    return 0;
  }
  // Numbers that are none of the sort that is wanted, too.
  const double odd[] = {0, 1, -1, 3, 26, 27, 4294967296.0, 0.5, NAN, INFINITY, -INFINITY, 280, 281};
  const auto number = [&] { return fake_napi::Number(odd[input.Byte() % (sizeof odd / sizeof *odd)]); };
  const napi_value fd = fake_napi::Number(3);
  switch (what) {
    case 1:
      DescribeAddress(Napi::CallbackInfo(env, fake_napi::Call({fd})));
      break;
    case 2: {
      const size_t room = input.Byte() % 3 == 0 ? 10 : sizeof fields / sizeof *fields;
      const napi_value limit = input.Byte() % 2 == 0 ? fake_napi::Undefined() : number();
      ReadTcpInfo(Napi::CallbackInfo(env, fake_napi::Call({fd, fake_napi::Doubles(fields, room), limit})));
      break;
    }
    case 3: {
      const napi_value option = number();
      tcp_striper::SetOption(Napi::CallbackInfo(env, fake_napi::Call({number(), option, number()})));
      break;
    }
    case 4:
      tcp_striper::GetOption(Napi::CallbackInfo(env, fake_napi::Call({fd, number()})));
      tcp_striper::GetCongestion(Napi::CallbackInfo(env, fake_napi::Call({fd})));
      break;
    case 5:
      tcp_striper::SetCongestion(Napi::CallbackInfo(env, fake_napi::Call({fd, fake_napi::String(input.Rest())})));
      break;
    case 6:
      tcp_striper::BindToDevice(Napi::CallbackInfo(env, fake_napi::Call({fd, fake_napi::String(input.Rest())})));
      break;
  }
  fake_napi::Clear();
  return 0;
}

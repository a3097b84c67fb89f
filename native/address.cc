#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "arguments.h"

namespace tcp_striper {
namespace {

// A %scope is an interface's name or its index. 0 when it is neither.
unsigned ScopeOf(const std::string& scope) {
  const unsigned index = if_nametoindex(scope.c_str());
  if (index != 0 || scope.empty() || scope.find_first_not_of("0123456789") != std::string::npos) return index;
  const unsigned long number = strtoul(scope.c_str(), nullptr, 10);
  return number <= UINT32_MAX ? static_cast<unsigned>(number) : 0;
}

int ParseIpv4(const std::string& host, int port, Address* out) {
  auto* address = reinterpret_cast<sockaddr_in*>(&out->storage);
  address->sin_family = AF_INET;
  address->sin_port = htons(static_cast<uint16_t>(port));
  out->length = sizeof *address;
  return inet_pton(AF_INET, host.c_str(), &address->sin_addr) == 1 ? 0 : -EINVAL;
}

int ParseIpv6(const std::string& host, int port, Address* out) {
  auto* address = reinterpret_cast<sockaddr_in6*>(&out->storage);
  address->sin6_family = AF_INET6;
  address->sin6_port = htons(static_cast<uint16_t>(port));
  out->length = sizeof *address;
  const size_t percent = host.find('%');
  if (inet_pton(AF_INET6, host.substr(0, percent).c_str(), &address->sin6_addr) != 1) return -EINVAL;
  if (percent != std::string::npos) {
    address->sin6_scope_id = ScopeOf(host.substr(percent + 1));
    if (address->sin6_scope_id == 0) return -ENODEV;
  }
  return 0;
}

int ParseUnix(const std::string& path, Address* out) {
  auto* address = reinterpret_cast<sockaddr_un*>(&out->storage);
  address->sun_family = AF_UNIX;
  if (path.empty()) return -EINVAL;
  const bool abstract = path[0] == '\0';
  // A path is cut at its first NUL; cutting it silently would name another socket. An abstract name may hold any byte,
  // ends by its length, and needs no terminator.
  if (!abstract && path.find('\0') != std::string::npos) return -EINVAL;
  const size_t terminator = abstract ? 0 : 1;
  if (path.size() + terminator > sizeof address->sun_path) return -ENAMETOOLONG;
  memcpy(address->sun_path, path.data(), path.size());
  out->length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + terminator);
  return 0;
}

Napi::Value Describe(Napi::Env env, int family, const std::string& host, int port) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("family", family);
  result.Set("host", host);
  result.Set("port", port);
  return result;
}

Napi::Value DescribeIpv4(Napi::Env env, const in_addr& address, in_port_t port) {
  char text[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &address, text, sizeof text);
  return Describe(env, kIpv4, text, ntohs(port));
}

Napi::Value DescribeIpv6(Napi::Env env, const sockaddr_in6& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
    in_addr inner;
    memcpy(&inner, &address.sin6_addr.s6_addr[12], sizeof inner);
    return DescribeIpv4(env, inner, address.sin6_port);
  }
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
  std::string host = text;
  if (address.sin6_scope_id != 0) {
    // The interface may have gone since; its number still says which one it was.
    char name[IF_NAMESIZE];
    const bool named = if_indextoname(address.sin6_scope_id, name) != nullptr;
    host += '%' + (named ? std::string(name) : std::to_string(address.sin6_scope_id));
  }
  return Describe(env, kIpv6, host, ntohs(address.sin6_port));
}

Napi::Value DescribeUnix(Napi::Env env, const sockaddr_un& address, socklen_t length) {
  const size_t header = offsetof(sockaddr_un, sun_path);
  const size_t size = length > header ? length - header : 0;
  const char* path = address.sun_path;
  // Of a path the kernel may or may not count the terminator; of an abstract name every byte counts.
  return Describe(env, kUnix, std::string(path, size > 0 && path[0] != '\0' ? strnlen(path, size) : size), 0);
}

Napi::Value AddressOf(const Napi::CallbackInfo& info, int (*ask)(int, sockaddr*, socklen_t*)) {
  Napi::Env env = info.Env();
  int fd;
  if (!FdArgument(env, info[0], &fd)) return Napi::Value();
  Address address;
  memset(&address, 0, sizeof address);
  address.length = sizeof address.storage;
  if (ask(fd, address.get(), &address.length) != 0) return Napi::Number::New(env, -errno);
  switch (address.storage.ss_family) {
    case AF_INET: {
      const auto& inet = reinterpret_cast<const sockaddr_in&>(address.storage);
      return DescribeIpv4(env, inet.sin_addr, inet.sin_port);
    }
    case AF_INET6:
      return DescribeIpv6(env, reinterpret_cast<const sockaddr_in6&>(address.storage));
    case AF_UNIX:
      return DescribeUnix(env, reinterpret_cast<const sockaddr_un&>(address.storage), address.length);
    default:
      return Napi::Number::New(env, -EAFNOSUPPORT);
  }
}

}  // namespace

bool FamilyArgument(napi_env env, napi_value value, int* out) {
  if (!IntArgument(env, value, "family", 1, 6, out)) return false;
  if (*out == kUnix || *out == kIpv4 || *out == kIpv6) return true;
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "family must be 4, 6 or 1 (unix)");
  return false;
}

int AddressFamily(int family) { return family == kIpv4 ? AF_INET : family == kIpv6 ? AF_INET6 : AF_UNIX; }

int ParseAddress(int family, const std::string& host, int port, Address* out) {
  memset(out, 0, sizeof *out);
  if (family == kUnix) return ParseUnix(host, out);
  // inet_pton would stop at a NUL and take what comes before it.
  if (host.find('\0') != std::string::npos) return -EINVAL;
  return family == kIpv4 ? ParseIpv4(host, port, out) : ParseIpv6(host, port, out);
}

Napi::Value LocalAddress(const Napi::CallbackInfo& info) { return AddressOf(info, getsockname); }

Napi::Value PeerAddress(const Napi::CallbackInfo& info) { return AddressOf(info, getpeername); }

}  // namespace tcp_striper

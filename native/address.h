// Socket addresses between JavaScript (family, host, port) and the kernel. No name is ever resolved here.
#ifndef TCP_STRIPER_ADDRESS_H_
#define TCP_STRIPER_ADDRESS_H_

#include <napi.h>
#include <sys/socket.h>

#include <string>

namespace tcp_striper {

// The families as JavaScript counts them.
enum Family { kUnix = 1, kIpv4 = 4, kIpv6 = 6 };

struct Address {
  sockaddr_storage storage;
  socklen_t length;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// Takes `family`, throws when it is none of the above.
bool FamilyArgument(napi_env env, napi_value value, int* out);

// AF_INET and so on for a family that FamilyArgument has let through.
int AddressFamily(int family);

// 0, or the errno to report: -EINVAL when host is not a numeric address of the family, -ENODEV when its %scope is no
// interface, -ENAMETOOLONG when a path does not fit. For unix, host is the path; one that begins with NUL is a name in
// the abstract namespace, and port is ignored.
int ParseAddress(int family, const std::string& host, int port, Address* out);

// localAddress(fd), peerAddress(fd): {family, host, port} or a negative errno. An IPv4 peer of a dual-stack socket is
// reported as what it is, IPv4. A link-local IPv6 address carries its %scope. A unix socket has port 0, and an unnamed
// one (any connecting client) the host ''.
Napi::Value LocalAddress(const Napi::CallbackInfo& info);
Napi::Value PeerAddress(const Napi::CallbackInfo& info);

}  // namespace tcp_striper

#endif  // TCP_STRIPER_ADDRESS_H_

#include "socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "address.h"
#include "arguments.h"

namespace tcp_striper {
namespace {

struct Target {
  int fd;
  int error;  // what ParseAddress said
  Address address;
};

// The arguments of bind and connect.
bool TargetArguments(const Napi::CallbackInfo& info, Target* out) {
  Napi::Env env = info.Env();
  int family;
  int port;
  std::string host;
  if (!FdArgument(env, info[0], &out->fd) || !FamilyArgument(env, info[1], &family) ||
      !StringArgument(env, info[2], "host", &host) || !IntArgument(env, info[3], "port", 0, 65535, &port)) {
    return false;
  }
  out->error = ParseAddress(family, host, port, &out->address);
  return true;
}

int CloseFd(int fd) {
  // Linux has freed the descriptor even when it says EINTR; trying again could close somebody else's.
  const int result = ResultOf(close(fd));
  return result == -EINTR ? 0 : result;
}

// recv and send differ in the system call only.
template <ssize_t (*transfer)(int, const Bytes&)>
napi_value Transfer(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value arguments[4];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  int fd;
  Bytes bytes;
  if (!FdArgument(env, arguments[0], &fd) || !BytesArgument(env, arguments[1], arguments[2], arguments[3], &bytes)) {
    return nullptr;
  }
  return ToJs(env, ResultOfRetried([&] { return transfer(fd, bytes); }));
}

ssize_t RecvOnce(int fd, const Bytes& bytes) { return recv(fd, bytes.data, bytes.length, MSG_DONTWAIT); }

ssize_t SendOnce(int fd, const Bytes& bytes) {
  return send(fd, bytes.data, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

Napi::Value Socket(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int family;
  if (!FamilyArgument(env, info[0], &family)) return Napi::Value();
  return Napi::Number::New(env, ResultOf(socket(AddressFamily(family), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
}

Napi::Value Bind(const Napi::CallbackInfo& info) {
  Target target;
  if (!TargetArguments(info, &target)) return Napi::Value();
  const int result =
      target.error != 0 ? target.error : ResultOf(bind(target.fd, target.address.get(), target.address.length));
  return Napi::Number::New(info.Env(), result);
}

Napi::Value Listen(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  int backlog;
  if (!FdArgument(env, info[0], &fd) || !IntArgument(env, info[1], "backlog", 0, INT_MAX, &backlog)) {
    return Napi::Value();
  }
  return Napi::Number::New(env, ResultOf(listen(fd, backlog)));
}

Napi::Value Accept(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  if (!FdArgument(env, info[0], &fd)) return Napi::Value();
  int result;
  do {
    result = ResultOf(accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    // A connection that died in the queue is not the listener's error; behind it others may wait, and with an
    // edge-triggered poll nobody would come back for them.
  } while (result == -EINTR || result == -ECONNABORTED);
  return Napi::Number::New(env, result);
}

Napi::Value Connect(const Napi::CallbackInfo& info) {
  Target target;
  if (!TargetArguments(info, &target)) return Napi::Value();
  int result =
      target.error != 0 ? target.error : ResultOf(connect(target.fd, target.address.get(), target.address.length));
  // An interrupted connect goes on by itself, exactly like one in progress.
  if (result == -EINTR) result = -EINPROGRESS;
  return Napi::Number::New(info.Env(), result);
}

Napi::Value ShutdownWrite(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  if (!FdArgument(env, info[0], &fd)) return Napi::Value();
  return Napi::Number::New(env, ResultOf(shutdown(fd, SHUT_WR)));
}

Napi::Value SocketError(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  if (!FdArgument(env, info[0], &fd)) return Napi::Value();
  int error = 0;
  socklen_t length = sizeof error;
  const int result = ResultOf(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
  return Napi::Number::New(env, result != 0 ? result : -error);
}

Napi::Value Close(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  if (!FdArgument(env, info[0], &fd)) return Napi::Value();
  return Napi::Number::New(env, CloseFd(fd));
}

Napi::Value Reset(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  if (!FdArgument(env, info[0], &fd)) return Napi::Value();
  // Whether or not this can be set, the descriptor must go. When it is not open at all, close says so.
  const linger now = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  return Napi::Number::New(env, CloseFd(fd));
}

Napi::Value SetLinger(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  int seconds;
  if (!FdArgument(env, info[0], &fd) || !IntArgument(env, info[1], "seconds", -1, INT_MAX, &seconds)) {
    return Napi::Value();
  }
  const linger setting = {seconds >= 0, seconds >= 0 ? seconds : 0};
  return Napi::Number::New(env, ResultOf(setsockopt(fd, SOL_SOCKET, SO_LINGER, &setting, sizeof setting)));
}

napi_value Recv(napi_env env, napi_callback_info info) { return Transfer<RecvOnce>(env, info); }

napi_value RecvPieces(napi_env env, napi_callback_info info) {
  constexpr int kMostPieces = 16;
  size_t count = 6;
  napi_value arguments[6];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  int fd;
  int piece;
  int gap;
  int pieces;
  if (!FdArgument(env, arguments[0], &fd) || !IntArgument(env, arguments[3], "piece", 0, INT_MAX / 64, &piece) ||
      !IntArgument(env, arguments[4], "gap", 0, INT_MAX / 64, &gap) ||
      !IntArgument(env, arguments[5], "pieces", 1, kMostPieces, &pieces)) {
    return nullptr;
  }
  napi_value length;
  napi_create_int32(env, pieces * piece + (pieces - 1) * gap, &length);
  Bytes bytes;
  if (!BytesArgument(env, arguments[1], arguments[2], length, &bytes)) return nullptr;
  iovec parts[kMostPieces];
  for (int i = 0; i < pieces; i++) {
    parts[i].iov_base = bytes.data + static_cast<size_t>(i) * (piece + gap);
    parts[i].iov_len = piece;
  }
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = pieces;
  return ToJs(env, ResultOfRetried([&] { return recvmsg(fd, &message, MSG_DONTWAIT); }));
}

napi_value Send(napi_env env, napi_callback_info info) { return Transfer<SendOnce>(env, info); }

}  // namespace tcp_striper

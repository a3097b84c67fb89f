#include "kernel_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "arguments.h"

namespace tcp_striper {

Napi::Value KernelPipe(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int size;
  if (!IntArgument(env, info[0], "size", 1, INT_MAX, &size)) return Napi::Value();
  int fds[2];
  if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0) return Napi::Number::New(env, -errno);
  fcntl(fds[1], F_SETPIPE_SZ, size);  // best effort; what counts is read back
  const int capacity = ResultOf(fcntl(fds[1], F_GETPIPE_SZ));
  if (capacity < 0) {
    close(fds[0]);
    close(fds[1]);
    return Napi::Number::New(env, capacity);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("readFd", fds[0]);
  result.Set("writeFd", fds[1]);
  result.Set("capacity", capacity);
  return result;
}

napi_value Splice(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value arguments[3];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  int from;
  int to;
  int length;
  if (!FdArgument(env, arguments[0], &from) || !FdArgument(env, arguments[1], &to) ||
      !LengthArgument(env, arguments[2], &length)) {
    return nullptr;
  }
  // splice has no MSG_NOSIGNAL: into a broken socket it raises SIGPIPE, which Node ignores for the whole process.
  const auto once = [=] {
    return splice(from, nullptr, to, nullptr, static_cast<size_t>(length), SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  };
  return ToJs(env, ResultOfRetried(once));
}

}  // namespace tcp_striper

// Kernel pipes, through which splice(2) moves bytes between sockets without a copy to this process.
#ifndef TCP_STRIPER_KERNEL_PIPE_H_
#define TCP_STRIPER_KERNEL_PIPE_H_

#include <napi.h>

namespace tcp_striper {

// kernelPipe(size): {readFd, writeFd, capacity} or a negative errno. The size is a wish: an unprivileged user beyond
// pipe-user-pages-soft gets one or two pages, so `capacity` is what the kernel says that it gave.
Napi::Value KernelPipe(const Napi::CallbackInfo& info);

// splice(fromFd, toFd, length): bytes moved, 0 at FIN, or a negative errno. Plain Node-API: called for every chunk.
napi_value Splice(napi_env env, napi_callback_info info);

}  // namespace tcp_striper

#endif  // TCP_STRIPER_KERNEL_PIPE_H_

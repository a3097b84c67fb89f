// Stream sockets: thin calls, one system call each. Every socket that is made here is non-blocking and close-on-exec.
#ifndef TCP_STRIPER_SOCKET_H_
#define TCP_STRIPER_SOCKET_H_

#include <napi.h>

namespace tcp_striper {

Napi::Value Socket(const Napi::CallbackInfo& info);         // socket(family): fd
Napi::Value Bind(const Napi::CallbackInfo& info);           // bind(fd, family, host, port)
Napi::Value Listen(const Napi::CallbackInfo& info);         // listen(fd, backlog)
Napi::Value Accept(const Napi::CallbackInfo& info);         // accept(fd): fd
Napi::Value Connect(const Napi::CallbackInfo& info);        // connect(fd, family, host, port); -EINPROGRESS is normal
Napi::Value ShutdownWrite(const Napi::CallbackInfo& info);  // shutdownWrite(fd): FIN after what is queued
Napi::Value SocketError(const Napi::CallbackInfo& info);    // socketError(fd): takes SO_ERROR, 0 or negative
Napi::Value Close(const Napi::CallbackInfo& info);          // close(fd)
Napi::Value Reset(const Napi::CallbackInfo& info);          // reset(fd): close that sends RST and drops what is queued
Napi::Value SetLinger(const Napi::CallbackInfo& info);      // setLinger(fd, seconds): 0 makes every close a reset, -1 undoes it

// recv(fd, buffer, offset, length): bytes, 0 at FIN. send(fd, buffer, offset, length): bytes taken, may be fewer.
// Called for every chunk, hence plain Node-API: the same through node-addon-api took 40 to 180 ns more per call.
napi_value Recv(napi_env env, napi_callback_info info);
napi_value RecvPieces(napi_env env, napi_callback_info info);
napi_value Send(napi_env env, napi_callback_info info);

}  // namespace tcp_striper

#endif  // TCP_STRIPER_SOCKET_H_

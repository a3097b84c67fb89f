// What JavaScript sees. src/sys/addon.ts types and documents it.
#include <napi.h>

#include "address.h"
#include "codec_stream.h"
#include "kernel_pipe.h"
#include "limits.h"
#include "options.h"
#include "poll.h"
#include "record_cipher.h"
#include "socket.h"
#include "tcp_info.h"

namespace tcp_striper {
namespace {

template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void Export(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<function>(exports.Env(), name));
}

// The hot ones, past node-addon-api.
void ExportRaw(Napi::Object exports, const char* name, napi_callback function) {
  napi_value value;
  if (napi_create_function(exports.Env(), name, NAPI_AUTO_LENGTH, function, nullptr, &value) == napi_ok) {
    exports.Set(name, value);
  }
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Poll", Poll::Define(env));
  exports.Set("CodecStream", CodecStream::Define(env));
  exports.Set("RecordCipher", RecordCipher::Define(env));

  Export<Socket>(exports, "socket");
  Export<Bind>(exports, "bind");
  Export<Listen>(exports, "listen");
  Export<Accept>(exports, "accept");
  Export<Connect>(exports, "connect");
  ExportRaw(exports, "recv", Recv);
  ExportRaw(exports, "recvPieces", RecvPieces);
  ExportRaw(exports, "send", Send);
  Export<ShutdownWrite>(exports, "shutdownWrite");
  Export<SocketError>(exports, "socketError");
  Export<Close>(exports, "close");
  Export<Reset>(exports, "reset");
  Export<SetLinger>(exports, "setLinger");

  Export<LocalAddress>(exports, "localAddress");
  Export<PeerAddress>(exports, "peerAddress");

  exports.Set("options", OptionTable(env));
  Export<SetOption>(exports, "setOption");
  Export<GetOption>(exports, "getOption");
  Export<SetCongestion>(exports, "setCongestion");
  Export<GetCongestion>(exports, "getCongestion");
  Export<BindToDevice>(exports, "bindToDevice");

  Export<KernelPipe>(exports, "kernelPipe");
  ExportRaw(exports, "splice", Splice);

  exports.Set("tcpInfoFields", TcpInfoFields(env));
  Export<TcpInfo>(exports, "tcpInfo");

  Export<FdLimit>(exports, "fdLimit");
  return exports;
}

}  // namespace
}  // namespace tcp_striper

static Napi::Object InitTcpStriper(Napi::Env env, Napi::Object exports) { return tcp_striper::Init(env, exports); }

NODE_API_MODULE(NODE_GYP_MODULE_NAME, InitTcpStriper)

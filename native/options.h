// Socket options.
#ifndef TCP_STRIPER_OPTIONS_H_
#define TCP_STRIPER_OPTIONS_H_

#include <napi.h>

namespace tcp_striper {

// The frozen table {name: code}; a code is what setOption and getOption take.
Napi::Object OptionTable(Napi::Env env);

// setOption(fd, option, value): 0 or a negative errno. getOption(fd, option): the value or a negative errno.
Napi::Value SetOption(const Napi::CallbackInfo& info);
Napi::Value GetOption(const Napi::CallbackInfo& info);

// setCongestion(fd, name): 0 or a negative errno, -ENOENT for an algorithm that the kernel does not have, -EPERM for one
// that it reserves for root. getCongestion(fd): the name or a negative errno.
Napi::Value SetCongestion(const Napi::CallbackInfo& info);
Napi::Value GetCongestion(const Napi::CallbackInfo& info);

// bindToDevice(fd, name): traffic through this interface only; '' undoes it. 0 or a negative errno.
Napi::Value BindToDevice(const Napi::CallbackInfo& info);

}  // namespace tcp_striper

#endif  // TCP_STRIPER_OPTIONS_H_

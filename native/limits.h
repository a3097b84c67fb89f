// What this process may use.
#ifndef TCP_STRIPER_LIMITS_H_
#define TCP_STRIPER_LIMITS_H_

#include <napi.h>

namespace tcp_striper {

// fdLimit(): {soft, hard} of RLIMIT_NOFILE, in descriptors, Infinity when there is none; or a negative errno.
Napi::Value FdLimit(const Napi::CallbackInfo& info);

}  // namespace tcp_striper

#endif  // TCP_STRIPER_LIMITS_H_

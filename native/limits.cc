#include "limits.h"

#include <errno.h>
#include <sys/resource.h>

#include <limits>

namespace tcp_striper {
namespace {

double ToNumber(rlim_t limit) {
  return limit == RLIM_INFINITY ? std::numeric_limits<double>::infinity() : static_cast<double>(limit);
}

}  // namespace

Napi::Value FdLimit(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return Napi::Number::New(env, -errno);
  Napi::Object result = Napi::Object::New(env);
  result.Set("soft", ToNumber(limit.rlim_cur));
  result.Set("hard", ToNumber(limit.rlim_max));
  return result;
}

}  // namespace tcp_striper

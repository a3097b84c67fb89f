// Arguments from JavaScript, checked, and results back to it.
//
// Every exported function keeps one convention: a result >= 0 or a negative errno. An exception means that the caller
// has a bug: TypeError for the wrong type, RangeError for a number outside its range.
//
// These take plain napi values, so that the hot functions can use them without node-addon-api's wrappers; the others
// pass a Napi::Value, which converts by itself. Each returns false with the exception already pending.
#ifndef TCP_STRIPER_ARGUMENTS_H_
#define TCP_STRIPER_ARGUMENTS_H_

#include <errno.h>
#include <limits.h>
#include <napi.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <string>

namespace tcp_striper {

void ThrowNotNumber(napi_env env, const char* name);
void ThrowOutOfRange(napi_env env, const char* name, int min, int max);

// Through double and not through napi_get_value_int32, which wraps: 2^32 would arrive as 0, somebody else's descriptor.
inline bool IntArgument(napi_env env, napi_value value, const char* name, int min, int max, int* out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) {
    ThrowNotNumber(env, name);
    return false;
  }
  // NaN fails both comparisons, and must not reach the cast.
  if (!(number >= min && number <= max) || number != static_cast<double>(static_cast<int>(number))) {
    ThrowOutOfRange(env, name, min, max);
    return false;
  }
  *out = static_cast<int>(number);
  return true;
}

// Negative numbers pass: the kernel answers EBADF, which is what a caller with a closed descriptor should see.
inline bool FdArgument(napi_env env, napi_value value, int* out) {
  return IntArgument(env, value, "fd", INT_MIN, INT_MAX, out);
}

// A length in bytes; the kernel moves no more than this in one call anyway.
inline bool LengthArgument(napi_env env, napi_value value, int* out) {
  return IntArgument(env, value, "length", 0, INT_MAX, out);
}

// The part [offset, offset + length) of a Uint8Array (a Buffer is one). `data` is valid until control goes back to JS.
struct Bytes {
  uint8_t* data;
  size_t length;
};
bool BytesArgument(napi_env env, napi_value array, napi_value offset, napi_value length, Bytes* out);

bool StringArgument(napi_env env, napi_value value, const char* name, std::string* out);

// What a system call returned, by the convention above. Read errno before anything else can change it.
inline int ResultOf(ssize_t returned) { return returned < 0 ? -errno : static_cast<int>(returned); }

// The result of a call that is made again for as long as a signal interrupts it.
template <typename Call>
inline int ResultOfRetried(Call call) {
  int result;
  do {
    result = ResultOf(call());
  } while (result == -EINTR);
  return result;
}

inline napi_value ToJs(napi_env env, int result) {
  napi_value value = nullptr;
  napi_create_int32(env, result, &value);
  return value;
}

}  // namespace tcp_striper

#endif  // TCP_STRIPER_ARGUMENTS_H_

#include "arguments.h"

#include <stdio.h>

namespace tcp_striper {

void ThrowNotNumber(napi_env env, const char* name) {
  char text[64];
  snprintf(text, sizeof text, "%s must be a number", name);
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", text);
}

void ThrowOutOfRange(napi_env env, const char* name, int min, int max) {
  char text[96];
  snprintf(text, sizeof text, "%s must be an integer from %d to %d", name, min, max);
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", text);
}

bool BytesArgument(napi_env env, napi_value array, napi_value offset, napi_value length, Bytes* out) {
  napi_typedarray_type type;
  size_t size;
  void* data;
  if (napi_get_typedarray_info(env, array, &type, &size, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "buffer must be a Uint8Array");
    return false;
  }
  // Doubles hold every size that an array can have; NaN fails the comparisons.
  double from;
  double count;
  if (napi_get_value_double(env, offset, &from) != napi_ok) {
    ThrowNotNumber(env, "offset");
    return false;
  }
  if (napi_get_value_double(env, length, &count) != napi_ok) {
    ThrowNotNumber(env, "length");
    return false;
  }
  const double total = static_cast<double>(size);
  if (!(from >= 0 && count >= 0 && from + count <= total) || from != static_cast<double>(static_cast<size_t>(from)) ||
      count != static_cast<double>(static_cast<size_t>(count))) {
    char text[160];
    snprintf(text, sizeof text, "offset %.17g and length %.17g are not a part of a buffer of %zu bytes", from, count,
             size);
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", text);
    return false;
  }
  out->data = static_cast<uint8_t*>(data) + static_cast<size_t>(from);
  // The result must fit an int; one system call moves less than this in any case.
  out->length = count < INT_MAX ? static_cast<size_t>(count) : INT_MAX;
  return true;
}

bool StringArgument(napi_env env, napi_value value, const char* name, std::string* out) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    char text[64];
    snprintf(text, sizeof text, "%s must be a string", name);
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", text);
    return false;
  }
  // The size given to Node-API counts a terminating NUL, for which std::string has room.
  out->resize(length);
  napi_get_value_string_utf8(env, value, &(*out)[0], length + 1, &length);
  return true;
}

}  // namespace tcp_striper

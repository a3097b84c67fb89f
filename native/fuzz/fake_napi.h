// As much of Node-API as the addon's parsing needs, without a Node: values are C++ objects, and live until the next input.
#ifndef TCP_STRIPER_FUZZ_FAKE_NAPI_H_
#define TCP_STRIPER_FUZZ_FAKE_NAPI_H_

#include <node_api.h>

#include <string>
#include <vector>

namespace fake_napi {

napi_value Undefined();
napi_value Number(double number);
napi_value String(const std::string& text);
napi_value Doubles(double* values, size_t length);

// What napi_get_cb_info gives to the function that is called next.
napi_callback_info Call(std::vector<napi_value> arguments);

// An exception is pending.
bool Thrown();

// Forgets all values, and the exception.
void Clear();

}  // namespace fake_napi

#endif  // TCP_STRIPER_FUZZ_FAKE_NAPI_H_

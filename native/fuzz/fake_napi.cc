#include "fake_napi.h"

#include <stdlib.h>
#include <string.h>

#include <deque>
#include <map>

namespace {

struct Value {
  napi_valuetype type = napi_undefined;
  double number = 0;
  std::string text;
  double* doubles = nullptr;
  size_t length = 0;
  std::map<std::string, napi_value> properties;
};

std::deque<Value> values;
std::vector<napi_value> arguments;
bool thrown = false;

napi_value Make(Value value) {
  values.push_back(std::move(value));
  return reinterpret_cast<napi_value>(&values.back());
}

Value* Of(napi_value value) { return reinterpret_cast<Value*>(value); }

napi_status Throw() {
  thrown = true;
  return napi_ok;
}

}  // namespace

namespace fake_napi {

napi_value Undefined() { return Make({}); }
napi_value Number(double number) {
  Value value;
  value.type = napi_number;
  value.number = number;
  return Make(value);
}
napi_value String(const std::string& text) {
  Value value;
  value.type = napi_string;
  value.text = text;
  return Make(value);
}
napi_value Doubles(double* doubles, size_t length) {
  Value value;
  value.type = napi_object;
  value.doubles = doubles;
  value.length = length;
  return Make(value);
}
napi_callback_info Call(std::vector<napi_value> given) {
  arguments = std::move(given);
  return reinterpret_cast<napi_callback_info>(&arguments);
}
bool Thrown() { return thrown; }
void Clear() {
  values.clear();
  arguments.clear();
  thrown = false;
}

}  // namespace fake_napi

extern "C" {

napi_status napi_get_cb_info(napi_env, napi_callback_info, size_t* count, napi_value* out, napi_value* self, void** data) {
  for (size_t i = 0; out != nullptr && i < *count; i++)
    out[i] = i < arguments.size() ? arguments[i] : fake_napi::Undefined();
  if (count != nullptr) *count = arguments.size();
  if (self != nullptr) *self = fake_napi::Undefined();
  if (data != nullptr) *data = nullptr;
  return napi_ok;
}
napi_status napi_typeof(napi_env, napi_value value, napi_valuetype* out) {
  *out = Of(value)->type;
  return napi_ok;
}
napi_status napi_get_undefined(napi_env, napi_value* out) {
  *out = fake_napi::Undefined();
  return napi_ok;
}
napi_status napi_get_value_double(napi_env, napi_value value, double* out) {
  if (Of(value)->type != napi_number) return napi_number_expected;
  *out = Of(value)->number;
  return napi_ok;
}
napi_status napi_get_value_string_utf8(napi_env, napi_value value, char* out, size_t size, size_t* length) {
  if (Of(value)->type != napi_string) return napi_string_expected;
  const std::string& text = Of(value)->text;
  if (out == nullptr) {
    *length = text.size();
    return napi_ok;
  }
  const size_t count = text.size() < size - 1 ? text.size() : size - 1;
  memcpy(out, text.data(), count);
  out[count] = '\0';
  *length = count;
  return napi_ok;
}
napi_status napi_get_typedarray_info(napi_env, napi_value value, napi_typedarray_type* type, size_t* length, void** data,
                                     napi_value*, size_t*) {
  if (Of(value)->doubles == nullptr) return napi_invalid_arg;
  *type = napi_float64_array;
  *length = Of(value)->length;
  *data = Of(value)->doubles;
  return napi_ok;
}
napi_status napi_create_double(napi_env, double number, napi_value* out) {
  *out = fake_napi::Number(number);
  return napi_ok;
}
napi_status napi_create_int32(napi_env, int32_t number, napi_value* out) {
  *out = fake_napi::Number(number);
  return napi_ok;
}
napi_status napi_create_string_utf8(napi_env, const char* text, size_t length, napi_value* out) {
  *out = fake_napi::String(length == NAPI_AUTO_LENGTH ? std::string(text) : std::string(text, length));
  return napi_ok;
}
napi_status napi_create_object(napi_env, napi_value* out) {
  Value value;
  value.type = napi_object;
  *out = Make(value);
  return napi_ok;
}
napi_status napi_set_named_property(napi_env, napi_value object, const char* name, napi_value value) {
  Of(object)->properties[name] = value;
  return napi_ok;
}
napi_status napi_set_property(napi_env, napi_value object, napi_value name, napi_value value) {
  Of(object)->properties[Of(name)->text] = value;
  return napi_ok;
}
napi_status napi_throw_type_error(napi_env, const char*, const char*) { return Throw(); }
napi_status napi_throw_range_error(napi_env, const char*, const char*) { return Throw(); }
napi_status napi_is_exception_pending(napi_env, bool* out) {
  *out = thrown;
  return napi_ok;
}

// What is mentioned and never called here: modules, references, and the tables that are made once.
#define NEVER(name, ...) \
  napi_status name(__VA_ARGS__) { abort(); }
NEVER(napi_close_handle_scope, napi_env, napi_handle_scope)
NEVER(napi_open_handle_scope, napi_env, napi_handle_scope*)
NEVER(napi_create_array_with_length, napi_env, size_t, napi_value*)
NEVER(napi_create_error, napi_env, napi_value, napi_value, napi_value*)
NEVER(napi_create_type_error, napi_env, napi_value, napi_value, napi_value*)
NEVER(napi_create_reference, napi_env, napi_value, uint32_t, napi_ref*)
NEVER(napi_delete_reference, napi_env, napi_ref)
NEVER(napi_get_reference_value, napi_env, napi_ref, napi_value*)
NEVER(napi_define_properties, napi_env, napi_value, size_t, const napi_property_descriptor*)
NEVER(napi_get_and_clear_last_exception, napi_env, napi_value*)
NEVER(napi_get_last_error_info, node_api_basic_env, const napi_extended_error_info**)
NEVER(napi_get_property, napi_env, napi_value, napi_value, napi_value*)
NEVER(napi_has_property, napi_env, napi_value, napi_value, bool*)
NEVER(napi_object_freeze, napi_env, napi_value)
NEVER(napi_set_element, napi_env, napi_value, uint32_t, napi_value)
NEVER(napi_throw, napi_env, napi_value)
#undef NEVER
void napi_fatal_error(const char*, size_t, const char*, size_t) { abort(); }

}  // extern "C"

#include "record_cipher.h"

#include <errno.h>
#include <string.h>

#include "arguments.h"

namespace tcp_striper {
namespace {

constexpr size_t kHeaderBytes = 5;
constexpr size_t kTagBytes = 16;
constexpr size_t kMostContent = 16384;
// Type and padding beside the content (RFC 8446, section 5.2).
constexpr size_t kMostBody = kMostContent + 256;
constexpr uint8_t kApplicationData = 23;
constexpr int kSuiteAes128Gcm = 0x1301;
constexpr int kSuiteChaCha20Poly1305 = 0x1303;

void WriteHeader(uint8_t* header, size_t body) {
  header[0] = kApplicationData;
  header[1] = 3;
  header[2] = 3;
  header[3] = static_cast<uint8_t>(body >> 8);
  header[4] = static_cast<uint8_t>(body);
}

// The content of what was opened ends with its type, behind which there are only zeros. False: it has none.
bool FindType(const uint8_t* inner, size_t length, size_t* content, uint8_t* type) {
  while (length > 0 && inner[length - 1] == 0) length--;
  if (length == 0) return false;
  *content = length - 1;
  *type = inner[length - 1];
  return true;
}

bool KeyArgument(napi_env env, Napi::Value value, const char* name, size_t length, uint8_t* out) {
  napi_typedarray_type type;
  size_t size;
  void* data;
  if (napi_get_typedarray_info(env, value, &type, &size, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array || size != length) {
    Napi::TypeError::New(env, std::string(name) + " must be a Uint8Array of " + std::to_string(length) + " bytes")
        .ThrowAsJavaScriptException();
    return false;
  }
  memcpy(out, data, length);
  return true;
}

}  // namespace

Napi::Function RecordCipher::Define(Napi::Env env) {
  return DefineClass(env, "RecordCipher",
                     {InstanceMethod<&RecordCipher::Seal>("seal"), InstanceMethod<&RecordCipher::Open>("open"),
                      InstanceMethod<&RecordCipher::Rekey>("rekey"), InstanceMethod<&RecordCipher::Close>("close"),
                      StaticValue("available", Napi::Boolean::New(env, Openssl::Find() != nullptr))});
}

RecordCipher::RecordCipher(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RecordCipher>(info) {
  Napi::Env env = info.Env();
  int suite;
  if (!IntArgument(env, info[0], "suite", kSuiteAes128Gcm, kSuiteChaCha20Poly1305, &suite)) return;
  openssl_ = Openssl::Find();
  if (openssl_ == nullptr) {
    Napi::Error::New(env, "this Node has no OpenSSL 3 that can be used").ThrowAsJavaScriptException();
    return;
  }
  cipher_ = suite == kSuiteAes128Gcm          ? openssl_->aes_128_gcm()
            : suite == kSuiteChaCha20Poly1305 ? openssl_->chacha20_poly1305()
                                              : openssl_->aes_256_gcm();
  key_bytes_ = suite == kSuiteAes128Gcm ? 16 : 32;
  int records = 0;
  if (!SetKey(env, info[1], info[2]) ||
      (!info[3].IsUndefined() && !IntArgument(env, info[3], "records", 0, INT_MAX, &records))) {
    return;
  }
  sequence_ = static_cast<uint64_t>(records);
  context_ = openssl_->context_new();
  if (context_ == nullptr || cipher_ == nullptr) {
    Forget();
    Napi::Error::New(env, "OpenSSL has no such cipher").ThrowAsJavaScriptException();
  }
}

RecordCipher::~RecordCipher() { Forget(); }

void RecordCipher::Forget() {
  if (openssl_ == nullptr) return;
  // Wipes what the context holds.
  if (context_ != nullptr) openssl_->context_free(context_);
  context_ = nullptr;
  openssl_->cleanse(key_, sizeof key_);
  openssl_->cleanse(iv_, sizeof iv_);
}

bool RecordCipher::SetKey(Napi::Env env, Napi::Value key, Napi::Value iv) {
  if (!KeyArgument(env, key, "key", key_bytes_, key_) || !KeyArgument(env, iv, "iv", kNonceBytes, iv_)) return false;
  sequence_ = 0;
  direction_ = -1;
  return true;
}

bool RecordCipher::Begin(const uint8_t* header, bool encrypt) {
  const int direction = encrypt ? 1 : 0;
  if (direction_ != direction) {
    if (openssl_->init(context_, cipher_, nullptr, key_, nullptr, direction) != 1) return false;
    direction_ = direction;
  }
  uint8_t nonce[kNonceBytes];
  memcpy(nonce, iv_, kNonceBytes);
  for (size_t i = 0; i < sizeof sequence_; i++) {
    nonce[kNonceBytes - 1 - i] ^= static_cast<uint8_t>(sequence_ >> (8 * i));
  }
  int length;
  return openssl_->init(context_, nullptr, nullptr, nullptr, nonce, direction) == 1 &&
         openssl_->update(context_, nullptr, &length, header, kHeaderBytes) == 1;
}

bool RecordCipher::SealOne(const uint8_t* content, size_t length, uint8_t type, uint8_t* record) {
  WriteHeader(record, length + 1 + kTagBytes);
  uint8_t* body = record + kHeaderBytes;
  int written = 0;
  int last = 0;
  if (!Begin(record, true)) return false;
  // An update without bytes means something else to some ciphers.
  if (length > 0 && openssl_->update(context_, body, &written, content, static_cast<int>(length)) != 1) return false;
  if (openssl_->update(context_, body + written, &last, &type, 1) != 1 ||
      openssl_->finish(context_, body + written + last, &last) != 1 ||
      openssl_->control(context_, kGetTag, kTagBytes, body + length + 1) != 1) {
    return false;
  }
  sequence_++;
  return true;
}

int RecordCipher::OpenOne(const uint8_t* header, size_t length, uint8_t* inner) {
  const uint8_t* body = header + kHeaderBytes;
  uint8_t tag[kTagBytes];
  memcpy(tag, body + length - kTagBytes, kTagBytes);
  int written;
  int last;
  if (!Begin(header, false) || openssl_->control(context_, kSetTag, kTagBytes, tag) != 1 ||
      openssl_->update(context_, inner, &written, body, static_cast<int>(length - kTagBytes)) != 1) {
    openssl_->clear_errors();
    return -EIO;
  }
  if (openssl_->finish(context_, inner + written, &last) != 1) {
    // Node would find it, and take it for an error of its own.
    openssl_->clear_errors();
    return -EBADMSG;
  }
  sequence_++;
  return 0;
}

Napi::Value RecordCipher::Seal(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Bytes from;
  Bytes to;
  int type;
  int at;
  napi_value room;
  if (!BytesArgument(env, info[0], info[1], info[2], &from) || !IntArgument(env, info[3], "type", 1, 255, &type) ||
      !IntArgument(env, info[5], "toAt", 0, INT_MAX, &at)) {
    return Napi::Value();
  }
  const size_t records = from.length == 0 ? 1 : (from.length + kMostContent - 1) / kMostContent;
  const size_t sealed = from.length + records * (kHeaderBytes + 1 + kTagBytes);
  napi_create_double(env, static_cast<double>(sealed), &room);
  if (!BytesArgument(env, info[4], info[5], room, &to)) return Napi::Value();
  if (context_ == nullptr) return Napi::Number::New(env, -EBADF);
  uint8_t* record = to.data;
  size_t done = 0;
  do {
    const size_t length = from.length - done < kMostContent ? from.length - done : kMostContent;
    if (!SealOne(from.data + done, length, static_cast<uint8_t>(type), record)) {
      openssl_->clear_errors();
      return Napi::Number::New(env, -EIO);
    }
    done += length;
    record += kHeaderBytes + length + 1 + kTagBytes;
  } while (done < from.length);
  return Napi::Number::New(env, static_cast<double>(sealed));
}

Napi::Value RecordCipher::Open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Bytes from;
  Bytes to;
  napi_typedarray_type type;
  size_t count;
  void* values;
  if (!BytesArgument(env, info[0], info[1], info[2], &from) || !BytesArgument(env, info[3], info[4], info[5], &to)) {
    return Napi::Value();
  }
  if (napi_get_typedarray_info(env, info[6], &type, &count, &values, nullptr, nullptr) != napi_ok ||
      type != napi_int32_array || count < 4) {
    Napi::TypeError::New(env, "result must be an Int32Array of 4").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  int32_t* result = static_cast<int32_t*>(values);
  memset(result, 0, 4 * sizeof *result);
  if (context_ == nullptr) return Napi::Number::New(env, -EBADF);
  size_t used = 0;
  size_t written = 0;
  int error = 0;
  while (from.length - used >= kHeaderBytes) {
    const uint8_t* header = from.data + used;
    const size_t length = static_cast<size_t>(header[3]) << 8 | header[4];
    if (header[0] != kApplicationData || header[1] != 3 || length < 1 + kTagBytes) {
      error = -EPROTO;
      break;
    }
    if (length > kMostBody) {
      error = -EMSGSIZE;
      break;
    }
    if (from.length - used < kHeaderBytes + length || to.length - written < length - kTagBytes) break;
    error = OpenOne(header, length, to.data + written);
    if (error != 0) break;
    size_t content;
    uint8_t content_type;
    if (!FindType(to.data + written, length - kTagBytes, &content, &content_type)) {
      error = -EPROTO;
      break;
    }
    if (content > kMostContent) {
      error = -EMSGSIZE;
      break;
    }
    used += kHeaderBytes + length;
    if (content_type != kApplicationData) {
      result[2] = content_type;
      result[3] = static_cast<int32_t>(content);
      break;
    }
    written += content;
  }
  result[0] = static_cast<int32_t>(used);
  result[1] = static_cast<int32_t>(written);
  return Napi::Number::New(env, error);
}

Napi::Value RecordCipher::Rekey(const Napi::CallbackInfo& info) {
  if (context_ == nullptr) return Napi::Number::New(info.Env(), -EBADF);
  if (!SetKey(info.Env(), info[0], info[1])) return Napi::Value();
  return Napi::Number::New(info.Env(), 0);
}

Napi::Value RecordCipher::Close(const Napi::CallbackInfo& info) {
  Forget();
  return info.Env().Undefined();
}

}  // namespace tcp_striper

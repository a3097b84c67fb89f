// RecordCipher: the records of one direction of a TLS 1.3 connection (RFC 8446, section 5), under one key at a time.
//
//     +------+---------+--------+----------------------------------------------+-----+
//     |  23  | 03   03 | length | content ... | its type | zeros, as many as wanted | tag |
//     +------+---------+--------+----------------------------------------------+-----+
//                               '-------------------- encrypted --------------------'
//
// Many records a call, from one buffer into another, and nothing is copied or allocated beside. The handshake that agrees on
// the keys is not its business, nor is what the records mean that are no data.
//
//   new RecordCipher(suite, key, iv, records = 0)
//       suite as in RFC 8446, appendix B.4: 0x1301, 0x1302, 0x1303. So many records were protected with the key already. Throws
//       where there is no OpenSSL 3; RecordCipher.available says so.
//   seal(from, at, length, type, to, toAt)
//       Bytes written: content of any length, cut into records of 16 KiB, each of which takes 22 bytes more; no content is
//       one empty record. -EIO if OpenSSL fails.
//   open(from, at, length, to, toAt, toLength, result: Int32Array of 4)
//       Opens whole records, as far as their content fits. Stops behind the first that is no data (type 23). result: bytes
//       used up, bytes of data written, type of the record that is no data or 0, length of its content, which is
//       behind the data. 0, or what is wrong with the record behind what was used up: -EPROTO for one that is none of TLS 1.3,
//       -EMSGSIZE for one that is too long, -EBADMSG for one that was changed, repeated, left out, or has another key.
//   rekey(key, iv)   what comes next is under this key, and counted from 0.
//   close()          forgets the key; everything then answers -EBADF.
#ifndef TCP_STRIPER_RECORD_CIPHER_H_
#define TCP_STRIPER_RECORD_CIPHER_H_

#include <napi.h>
#include <stddef.h>
#include <stdint.h>

#include "openssl.h"

namespace tcp_striper {

class RecordCipher : public Napi::ObjectWrap<RecordCipher> {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit RecordCipher(const Napi::CallbackInfo& info);
  ~RecordCipher() override;

 private:
  static constexpr size_t kNonceBytes = 12;

  Napi::Value Seal(const Napi::CallbackInfo& info);
  Napi::Value Open(const Napi::CallbackInfo& info);
  Napi::Value Rekey(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  bool SetKey(Napi::Env env, Napi::Value key, Napi::Value iv);
  // Begins the next record, in either direction. False if OpenSSL fails.
  bool Begin(const uint8_t* header, bool encrypt);
  bool SealOne(const uint8_t* content, size_t length, uint8_t type, uint8_t* record);
  // Opens `length` bytes behind `header` into `inner`, tag excluded. 0 or a negative errno.
  int OpenOne(const uint8_t* header, size_t length, uint8_t* inner);
  void Forget();

  const Openssl* openssl_ = nullptr;
  const OpensslCipher* cipher_ = nullptr;
  OpensslCipherContext* context_ = nullptr;
  size_t key_bytes_ = 0;
  uint8_t iv_[kNonceBytes] = {};
  uint64_t sequence_ = 0;
  // The key is in the context, for this direction: 1 to encrypt, 0 to decrypt, -1 for none yet.
  int direction_ = -1;
  uint8_t key_[32] = {};
};

}  // namespace tcp_striper

#endif  // TCP_STRIPER_RECORD_CIPHER_H_

// The few functions of OpenSSL that the addon uses: those of the Node that it runs in, which are found when they are first
// asked for. Nothing is linked and no header of OpenSSL is needed, so that the addon builds and loads wherever Node does; where
// Node has another library, or hides its own, there is no such table.
#ifndef TCP_STRIPER_OPENSSL_H_
#define TCP_STRIPER_OPENSSL_H_

namespace tcp_striper {

// EVP_CIPHER and EVP_CIPHER_CTX, which are opaque since OpenSSL 1.1.
struct OpensslCipher;
struct OpensslCipherContext;

// EVP_CTRL_AEAD_GET_TAG and EVP_CTRL_AEAD_SET_TAG of <openssl/evp.h>: for GCM and ChaCha20-Poly1305 alike.
constexpr int kGetTag = 0x10;
constexpr int kSetTag = 0x11;

struct Openssl {
  const OpensslCipher* (*aes_128_gcm)();
  const OpensslCipher* (*aes_256_gcm)();
  const OpensslCipher* (*chacha20_poly1305)();
  OpensslCipherContext* (*context_new)();
  void (*context_free)(OpensslCipherContext*);
  int (*init)(OpensslCipherContext*, const OpensslCipher*, void* engine, const unsigned char* key,
              const unsigned char* iv, int encrypt);
  int (*update)(OpensslCipherContext*, unsigned char* out, int* out_length, const unsigned char* in, int in_length);
  int (*finish)(OpensslCipherContext*, unsigned char* out, int* out_length);
  int (*control)(OpensslCipherContext*, int command, int argument, void* pointer);
  void (*clear_errors)();
  void (*cleanse)(void*, unsigned long);

  // Null where this process has no OpenSSL 3.
  static const Openssl* Find();
};

}  // namespace tcp_striper

#endif  // TCP_STRIPER_OPENSSL_H_

#include "openssl.h"

#include <uv.h>

namespace tcp_striper {
namespace {

// OpenSSL keeps its functions as they are within a major version; of the next one nobody knows.
constexpr unsigned long kFirstVersion = 0x30000000;
constexpr unsigned long kLastVersion = 0x3fffffff;

template <typename Function>
bool Resolve(uv_lib_t* process, const char* name, Function* out) {
  void* address = nullptr;
  if (uv_dlsym(process, name, &address) != 0) return false;
  *out = reinterpret_cast<Function>(address);
  return address != nullptr;
}

bool ResolveAll(Openssl* out) {
  // The program first, then what it is linked with: Node's own, whether that is inside of it or a library beside it. Through
  // libuv, as dlsym itself would ask for a newer glibc than all the rest. Stays open: it is no library of its own.
  static uv_lib_t process;
  if (uv_dlopen(nullptr, &process) != 0) return false;
  const auto resolve = [](const char* name, auto* function) { return Resolve(&process, name, function); };
  unsigned long (*version)();
  // BoringSSL has functions of the same names, and says that it is an OpenSSL 1.1.
  if (!resolve("OpenSSL_version_num", &version) || version() < kFirstVersion || version() > kLastVersion) return false;
  return resolve("EVP_aes_128_gcm", &out->aes_128_gcm) && resolve("EVP_aes_256_gcm", &out->aes_256_gcm) &&
         resolve("EVP_chacha20_poly1305", &out->chacha20_poly1305) &&
         resolve("EVP_CIPHER_CTX_new", &out->context_new) && resolve("EVP_CIPHER_CTX_free", &out->context_free) &&
         resolve("EVP_CipherInit_ex", &out->init) && resolve("EVP_CipherUpdate", &out->update) &&
         resolve("EVP_CipherFinal_ex", &out->finish) && resolve("EVP_CIPHER_CTX_ctrl", &out->control) &&
         resolve("ERR_clear_error", &out->clear_errors) && resolve("OPENSSL_cleanse", &out->cleanse);
}

}  // namespace

const Openssl* Openssl::Find() {
  static Openssl functions;
  static const bool found = ResolveAll(&functions);
  return found ? &functions : nullptr;
}

}  // namespace tcp_striper

// Zstandard frames (RFC 8878), as the zstd command writes and reads them.
#include "codec.h"

#ifdef TCP_STRIPER_ZSTD

#include <zstd.h>

#include <new>

namespace tcp_striper {
namespace {

ZSTD_EndDirective DirectiveOf(Flush flush) {
  if (flush == Flush::kNone) return ZSTD_e_continue;
  return flush == Flush::kPartial ? ZSTD_e_flush : ZSTD_e_end;
}

class ZstdCompressor : public Codec {
 public:
  explicit ZstdCompressor(ZSTD_CCtx* context) : context_(context) {}
  ~ZstdCompressor() override { ZSTD_freeCCtx(context_); }

  const char* Step(CodecStep* step) override {
    ZSTD_inBuffer in = {step->input, step->input_length, 0};
    ZSTD_outBuffer out = {step->output, step->output_length, 0};
    const ZSTD_EndDirective directive = DirectiveOf(step->flush);
    size_t left = 0;
    // A call may stop early of its own accord, with room and input left.
    do {
      const size_t before = in.pos + out.pos;
      left = ZSTD_compressStream2(context_, &out, &in, directive);
      if (ZSTD_isError(left)) return ZSTD_getErrorName(left);
      if (in.pos + out.pos == before) break;
    } while (out.pos < out.size && (in.pos < in.size || (left != 0 && directive != ZSTD_e_continue)));
    step->consumed = in.pos;
    step->produced = out.pos;
    step->more = out.pos == out.size && left != 0;
    step->at_boundary = directive == ZSTD_e_end && left == 0 && in.pos == in.size;
    return nullptr;
  }

 private:
  ZSTD_CCtx* context_;
};

class ZstdDecompressor : public Codec {
 public:
  explicit ZstdDecompressor(ZSTD_DCtx* context) : context_(context) {}
  ~ZstdDecompressor() override { ZSTD_freeDCtx(context_); }

  const char* Step(CodecStep* step) override {
    ZSTD_inBuffer in = {step->input, step->input_length, 0};
    ZSTD_outBuffer out = {step->output, step->output_length, 0};
    while (out.pos < out.size && (in.pos < in.size || more_)) {
      const size_t before = in.pos + out.pos;
      const size_t left = ZSTD_decompressStream(context_, &out, &in);
      if (ZSTD_isError(left)) return ZSTD_getErrorName(left);
      more_ = out.pos == out.size;
      at_boundary_ = left == 0;
      if (at_boundary_) {
        more_ = false;
        break;
      }
      if (in.pos + out.pos == before) {
        more_ = false;
        break;
      }
    }
    step->consumed = in.pos;
    step->produced = out.pos;
    step->more = more_;
    step->at_boundary = at_boundary_;
    return nullptr;
  }

 private:
  ZSTD_DCtx* context_;
  bool at_boundary_ = true;
  bool more_ = false;
};

}  // namespace

bool HasZstd() { return true; }

std::unique_ptr<Codec> MakeZstdCompressor(const CodecOptions& options) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  if (context == nullptr) return nullptr;
  // Below, each layer has its own checks: a checksum here would be paid for twice.
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, options.level);
  if (options.window_log != 0) ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, options.window_log);
  return std::unique_ptr<Codec>(new (std::nothrow) ZstdCompressor(context));
}

std::unique_ptr<Codec> MakeZstdDecompressor(const CodecOptions& options) {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  if (context == nullptr) return nullptr;
  ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, options.window_log);
  return std::unique_ptr<Codec>(new (std::nothrow) ZstdDecompressor(context));
}

}  // namespace tcp_striper

#else

namespace tcp_striper {

bool HasZstd() { return false; }
std::unique_ptr<Codec> MakeZstdCompressor(const CodecOptions&) { return nullptr; }
std::unique_ptr<Codec> MakeZstdDecompressor(const CodecOptions&) { return nullptr; }

}  // namespace tcp_striper

#endif

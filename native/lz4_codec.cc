// LZ4 frames (lz4_Frame_format.md 1.6), as the lz4 command writes and reads them.
#include "codec.h"

#ifdef TCP_STRIPER_LZ4

#include <lz4frame.h>
#include <string.h>

#include <algorithm>
#include <new>
#include <vector>

namespace tcp_striper {
namespace {

// What goes into the library at once: bounds what can come out of it.
constexpr size_t kMostInput = 256 * 1024;

// The library wants room for the worst case before it does anything. Where the caller has less, its output goes through
// a buffer of our own.
class Lz4Compressor : public Codec {
 public:
  Lz4Compressor(LZ4F_cctx* context, int level) : context_(context) {
    // Blocks of 64 KiB that refer to the ones before: small pieces profit from what was sent earlier.
    preferences_.frameInfo.blockSizeID = LZ4F_max64KB;
    preferences_.frameInfo.blockMode = LZ4F_blockLinked;
    preferences_.compressionLevel = level;
  }
  ~Lz4Compressor() override { LZ4F_freeCompressionContext(context_); }

  const char* Step(CodecStep* step) override {
    Drain(step);
    while (waiting_.empty() && step->consumed < step->input_length) {
      if (const char* error = Update(step)) return error;
    }
    if (waiting_.empty() && step->flush != Flush::kNone) {
      if (const char* error = Finish(step)) return error;
    }
    step->more = !waiting_.empty();
    step->at_boundary = !open_ && waiting_.empty();
    return nullptr;
  }

 private:
  // Calls with a place that has room for `bound` bytes, and the room itself.
  template <typename Produce>
  const char* Into(CodecStep* step, size_t bound, Produce produce) {
    const size_t room = step->output_length - step->produced;
    const bool direct = room >= bound;
    if (!direct) waiting_.resize(bound);
    const size_t got = direct ? produce(step->output + step->produced, room) : produce(waiting_.data(), bound);
    if (LZ4F_isError(got)) {
      waiting_.clear();
      return LZ4F_getErrorName(got);
    }
    if (direct) {
      step->produced += got;
    } else {
      waiting_.resize(got);
      drained_ = 0;
      Drain(step);
    }
    return nullptr;
  }

  const char* Update(CodecStep* step) {
    if (!open_) {
      open_ = true;
      return Into(step, LZ4F_HEADER_SIZE_MAX,
                  [&](uint8_t* to, size_t room) { return LZ4F_compressBegin(context_, to, room, &preferences_); });
    }
    const uint8_t* from = step->input + step->consumed;
    const size_t length = std::min(step->input_length - step->consumed, kMostInput);
    step->consumed += length;
    flushed_ = false;
    return Into(step, LZ4F_compressBound(length, &preferences_), [&](uint8_t* to, size_t room) {
      return LZ4F_compressUpdate(context_, to, room, from, length, nullptr);
    });
  }

  const char* Finish(CodecStep* step) {
    if (!open_ || (flushed_ && step->flush == Flush::kPartial)) return nullptr;
    const bool end = step->flush == Flush::kEnd;
    flushed_ = true;
    if (end) open_ = false;
    return Into(step, LZ4F_compressBound(0, &preferences_), [&](uint8_t* to, size_t room) {
      return end ? LZ4F_compressEnd(context_, to, room, nullptr) : LZ4F_flush(context_, to, room, nullptr);
    });
  }

  void Drain(CodecStep* step) {
    const size_t count = std::min(waiting_.size() - drained_, step->output_length - step->produced);
    if (count > 0) memcpy(step->output + step->produced, waiting_.data() + drained_, count);
    step->produced += count;
    drained_ += count;
    if (drained_ < waiting_.size()) return;
    waiting_.clear();
    drained_ = 0;
  }

  LZ4F_cctx* context_;
  LZ4F_preferences_t preferences_ = {};
  // A frame has been begun.
  bool open_ = false;
  // Nothing has gone in since the last flush.
  bool flushed_ = true;
  std::vector<uint8_t> waiting_;
  size_t drained_ = 0;
};

class Lz4Decompressor : public Codec {
 public:
  explicit Lz4Decompressor(LZ4F_dctx* context) : context_(context) {}
  ~Lz4Decompressor() override { LZ4F_freeDecompressionContext(context_); }

  const char* Step(CodecStep* step) override {
    while (step->produced < step->output_length && (step->consumed < step->input_length || more_)) {
      size_t in = step->input_length - step->consumed;
      size_t out = step->output_length - step->produced;
      const size_t hint = LZ4F_decompress(context_, step->output + step->produced, &out, step->input + step->consumed,
                                          &in, nullptr);
      if (LZ4F_isError(hint)) return LZ4F_getErrorName(hint);
      step->consumed += in;
      step->produced += out;
      at_boundary_ = hint == 0;
      more_ = !at_boundary_ && step->produced == step->output_length;
      if (at_boundary_ || in + out == 0) break;
    }
    step->more = more_;
    step->at_boundary = at_boundary_;
    return nullptr;
  }

 private:
  LZ4F_dctx* context_;
  bool at_boundary_ = true;
  bool more_ = false;
};

}  // namespace

bool HasLz4() { return true; }

std::unique_ptr<Codec> MakeLz4Compressor(const CodecOptions& options) {
  LZ4F_cctx* context = nullptr;
  if (LZ4F_isError(LZ4F_createCompressionContext(&context, LZ4F_VERSION))) return nullptr;
  return std::unique_ptr<Codec>(new (std::nothrow) Lz4Compressor(context, options.level));
}

std::unique_ptr<Codec> MakeLz4Decompressor(const CodecOptions&) {
  LZ4F_dctx* context = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) return nullptr;
  return std::unique_ptr<Codec>(new (std::nothrow) Lz4Decompressor(context));
}

}  // namespace tcp_striper

#else

namespace tcp_striper {

bool HasLz4() { return false; }
std::unique_ptr<Codec> MakeLz4Compressor(const CodecOptions&) { return nullptr; }
std::unique_ptr<Codec> MakeLz4Decompressor(const CodecOptions&) { return nullptr; }

}  // namespace tcp_striper

#endif

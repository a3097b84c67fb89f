// Codec: one direction of one stream through a compression library, a piece at a time. No JavaScript here: a step may run
// on any thread, one at a time.
//
// A library that was not there at build time is left out: its Make functions then return null.
#ifndef TCP_STRIPER_CODEC_H_
#define TCP_STRIPER_CODEC_H_

#include <stddef.h>
#include <stdint.h>

#include <memory>

namespace tcp_striper {

// What a step is to bring out beside what is ready anyway.
enum class Flush {
  kNone = 0,
  // Everything that went in can be decompressed by the other side.
  kPartial = 1,
  // The same, and the frame is over: what follows needs nothing of what was before.
  kEnd = 2,
};

struct CodecStep {
  const uint8_t* input;
  size_t input_length;
  uint8_t* output;
  size_t output_length;
  Flush flush;
  // Results.
  size_t consumed = 0;
  size_t produced = 0;
  // There is more to come out than there was room for.
  bool more = false;
  // No frame is open. When one ends, a decompressor stops there, so that its user sees what follows.
  bool at_boundary = false;
};

class Codec {
 public:
  virtual ~Codec() = default;
  // Null, or what is wrong, in the words of the library; the codec is of no use afterwards.
  virtual const char* Step(CodecStep* step) = 0;
};

// Numbers that a user may choose, as they come from JavaScript.
struct CodecOptions {
  int level;
  // Of a compressor: bytes of history as a power of two, 0 for what goes with the level. Of a decompressor: the most.
  int window_log;
};

bool HasZstd();
bool HasLz4();
// Null when there is no memory, either.
std::unique_ptr<Codec> MakeZstdCompressor(const CodecOptions& options);
std::unique_ptr<Codec> MakeZstdDecompressor(const CodecOptions& options);
std::unique_ptr<Codec> MakeLz4Compressor(const CodecOptions& options);
std::unique_ptr<Codec> MakeLz4Decompressor(const CodecOptions& options);

}  // namespace tcp_striper

#endif  // TCP_STRIPER_CODEC_H_

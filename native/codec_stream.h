// CodecStream: a Codec for JavaScript, on the loop or on one of libuv's threads.
//
//   new CodecStream(kind, level, windowLog, results: Float64Array(6), onDone: () => void)
//       kind: 0 zstd compressor, 1 zstd decompressor, 2 lz4 compressor, 3 lz4 decompressor. Throws when the addon was
//       built without the library.
//   step(input, inputStart, inputLength, output, outputStart, outputLength, flush)
//       results: consumed, produced, more (0 or 1), atBoundary (0 or 1), nanoseconds of processor time, failed (0 or 1).
//   stepLater(...)  the same on another thread; then onDone is called. One step at a time. Both buffers have to be left
//       alone until then.
//   error()  what the last step failed for, in the words of the library; empty if it did not.
//   close()  frees it, at once or when the step that is under way is over; onDone is called all the same.
#ifndef TCP_STRIPER_CODEC_STREAM_H_
#define TCP_STRIPER_CODEC_STREAM_H_

#include <napi.h>

#include <memory>

#include "codec.h"

namespace tcp_striper {

class CodecStream : public Napi::ObjectWrap<CodecStream> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit CodecStream(const Napi::CallbackInfo& info);

 private:

  Napi::Value Step(const Napi::CallbackInfo& info);
  Napi::Value StepLater(const Napi::CallbackInfo& info);
  Napi::Value Error(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  bool ReadStep(const Napi::CallbackInfo& info);
  void Work();
  bool WriteResults(Napi::Env env);
  void Complete(Napi::Env env);

  std::unique_ptr<Codec> codec_;
  CodecStep step_ = {};
  double nanoseconds_ = 0;
  const char* failure_ = nullptr;
  bool busy_ = false;
  bool closed_ = false;
  Napi::ObjectReference results_;
  Napi::FunctionReference on_done_;
  // What the step that is under way works on.
  Napi::ObjectReference input_;
  Napi::ObjectReference output_;
  napi_async_work work_ = nullptr;
};

}  // namespace tcp_striper

#endif  // TCP_STRIPER_CODEC_STREAM_H_

#include "codec_stream.h"

#include <time.h>

#include "arguments.h"

namespace tcp_striper {
namespace {

enum Kind { kZstdCompressor, kZstdDecompressor, kLz4Compressor, kLz4Decompressor };

enum Result { kConsumed, kProduced, kMore, kAtBoundary, kNanoseconds, kFailed, kResults };

std::unique_ptr<Codec> Make(int kind, const CodecOptions& options) {
  switch (kind) {
    case kZstdCompressor: return MakeZstdCompressor(options);
    case kZstdDecompressor: return MakeZstdDecompressor(options);
    case kLz4Compressor: return MakeLz4Compressor(options);
    default: return MakeLz4Decompressor(options);
  }
}

bool IsBuiltIn(int kind) { return kind == kZstdCompressor || kind == kZstdDecompressor ? HasZstd() : HasLz4(); }

double ThreadNanoseconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace

Napi::Function CodecStream::Define(Napi::Env env) {
  return DefineClass(env, "CodecStream",
                     {InstanceMethod<&CodecStream::Step>("step"), InstanceMethod<&CodecStream::StepLater>("stepLater"),
                      InstanceMethod<&CodecStream::Error>("error"), InstanceMethod<&CodecStream::Close>("close"),
                      StaticValue("hasZstd", Napi::Boolean::New(env, HasZstd())),
                      StaticValue("hasLz4", Napi::Boolean::New(env, HasLz4()))});
}

CodecStream::CodecStream(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CodecStream>(info) {
  Napi::Env env = info.Env();
  int kind;
  CodecOptions options;
  napi_typedarray_type type;
  size_t length;
  if (!IntArgument(env, info[0], "kind", kZstdCompressor, kLz4Decompressor, &kind) ||
      !IntArgument(env, info[1], "level", -1000, 100, &options.level) ||
      !IntArgument(env, info[2], "windowLog", 0, 30, &options.window_log)) {
    return;
  }
  if (napi_get_typedarray_info(env, info[3], &type, &length, nullptr, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array || length < kResults) {
    Napi::TypeError::New(env, "results must be a Float64Array of 6 numbers").ThrowAsJavaScriptException();
    return;
  }
  if (!info[4].IsFunction()) {
    Napi::TypeError::New(env, "onDone must be a function").ThrowAsJavaScriptException();
    return;
  }
  codec_ = Make(kind, options);
  if (codec_ == nullptr) {
    const char* words = IsBuiltIn(kind) ? "no memory for a codec" : "the addon was built without this library";
    Napi::Error::New(env, words).ThrowAsJavaScriptException();
    return;
  }
  results_ = Napi::Persistent(info[3].As<Napi::Object>());
  on_done_ = Napi::Persistent(info[4].As<Napi::Function>());
}

bool CodecStream::ReadStep(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (codec_ == nullptr || closed_ || busy_) {
    Napi::Error::New(env, busy_ ? "a step is under way" : "the codec is closed").ThrowAsJavaScriptException();
    return false;
  }
  int flush;
  Bytes input;
  Bytes output;
  if (!BytesArgument(env, info[0], info[1], info[2], &input) ||
      !BytesArgument(env, info[3], info[4], info[5], &output) || !IntArgument(env, info[6], "flush", 0, 2, &flush)) {
    return false;
  }
  step_ = {};
  step_.input = input.data;
  step_.input_length = input.length;
  step_.output = output.data;
  step_.output_length = output.length;
  step_.flush = static_cast<Flush>(flush);
  return true;
}

void CodecStream::Work() {
  const double begun = ThreadNanoseconds();
  failure_ = codec_->Step(&step_);
  nanoseconds_ = ThreadNanoseconds() - begun;
}

bool CodecStream::WriteResults(Napi::Env env) {
  size_t length;
  void* data;
  // Asked anew each time: an array whose buffer somebody has transferred away has no memory any more.
  if (napi_get_typedarray_info(env, results_.Value(), nullptr, &length, &data, nullptr, nullptr) != napi_ok ||
      length < kResults) {
    Napi::TypeError::New(env, "the results array has been detached").ThrowAsJavaScriptException();
    return false;
  }
  auto* out = static_cast<double*>(data);
  out[kConsumed] = static_cast<double>(step_.consumed);
  out[kProduced] = static_cast<double>(step_.produced);
  out[kMore] = step_.more ? 1 : 0;
  out[kAtBoundary] = step_.at_boundary ? 1 : 0;
  out[kNanoseconds] = nanoseconds_;
  out[kFailed] = failure_ == nullptr ? 0 : 1;
  return true;
}

Napi::Value CodecStream::Step(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!ReadStep(info)) return Napi::Value();
  Work();
  WriteResults(env);
  return env.Undefined();
}

Napi::Value CodecStream::StepLater(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!ReadStep(info)) return Napi::Value();
  // Complete() deletes it; the environment's end waits for it.
  const napi_status status = napi_create_async_work(
      env, nullptr, Napi::String::New(env, "TcpStriperCodec"),
      [](napi_env, void* self) { static_cast<CodecStream*>(self)->Work(); },
      [](napi_env env, napi_status, void* self) { static_cast<CodecStream*>(self)->Complete(Napi::Env(env)); }, this,
      &work_);
  if (status != napi_ok || napi_queue_async_work(env, work_) != napi_ok) {
    Napi::Error::New(env, "no thread for a codec").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  busy_ = true;
  input_ = Napi::Persistent(info[0].As<Napi::Object>());
  output_ = Napi::Persistent(info[3].As<Napi::Object>());
  // Nobody may collect it meanwhile.
  Ref();
  return env.Undefined();
}

void CodecStream::Complete(Napi::Env env) {
  busy_ = false;
  napi_delete_async_work(env, work_);
  work_ = nullptr;
  input_.Reset();
  output_.Reset();
  if (closed_) codec_.reset();
  const bool written = WriteResults(env);
  Unref();
  // What it throws becomes an uncaughtException, as of any callback of the loop.
  if (written) on_done_.Call({});
}

Napi::Value CodecStream::Error(const Napi::CallbackInfo& info) { 
  return Napi::String::New(info.Env(), failure_ == nullptr ? "" : failure_);
}

Napi::Value CodecStream::Close(const Napi::CallbackInfo& info) {
  closed_ = true;
  if (!busy_) codec_.reset();
  return info.Env().Undefined();
}

}  // namespace tcp_striper

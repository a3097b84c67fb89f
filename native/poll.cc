#include "poll.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <uv.h>

#include <vector>

#include "arguments.h"

namespace tcp_striper {

// The part of a Poll that libuv knows. It lives on its own, because libuv needs the handle's memory until the close
// callback, which comes after the JavaScript object, and at the end of an environment even after Node-API, is gone.
//
// Closed -- by close(), by the garbage collector or by the end of the environment (a worker that is terminated) -- it
// gives up everything that needs the environment at once, and deletes itself in the close callback.
class EpollWatcher {
 public:
  // Null, with an exception pending, when it cannot be had.
  static EpollWatcher* Start(Poll* owner, Napi::Env env, napi_value events, size_t capacity, napi_value callback);

  int Add(int fd, int slot);
  int Modify(int fd, int slot, int mask);
  int Remove(int fd);
  void Close();

  size_t watched() const { return watched_; }

 private:
  EpollWatcher(Poll* owner, napi_env env, int epoll_fd, size_t capacity)
      : owner_(owner), env_(env), epoll_fd_(epoll_fd), ready_(capacity) {}
  ~EpollWatcher() = default;

  bool TakeReferences(napi_value events, napi_value callback);
  void ReleaseReferences();
  void Dispatch();
  bool WriteEvents(int count);
  void CallBack(int count);
  void Forget(int fd);
  int Control(int operation, int fd, int slot, uint32_t mask);

  Poll* owner_;
  napi_env env_;
  int epoll_fd_;
  uv_poll_t handle_;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
  napi_async_context context_ = nullptr;
  napi_ref events_ = nullptr;
  napi_ref callback_ = nullptr;
  std::vector<epoll_event> ready_;
  std::vector<bool> watching_;  // by descriptor
  size_t watched_ = 0;
  bool dispatching_ = false;
  bool closing_ = false;
};

EpollWatcher* EpollWatcher::Start(Poll* owner, Napi::Env env, napi_value events, size_t capacity,
                                  napi_value callback) {
  uv_loop_t* loop;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) {
    Napi::Error::New(env, "this environment has no libuv loop").ThrowAsJavaScriptException();
    return nullptr;
  }
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) {
    Napi::Error::New(env, std::string("epoll_create1: ") + strerror(errno)).ThrowAsJavaScriptException();
    return nullptr;
  }
  auto* watcher = new EpollWatcher(owner, env, epoll_fd, capacity);
  const int error = uv_poll_init(loop, &watcher->handle_, epoll_fd);
  if (error != 0) {
    close(epoll_fd);
    delete watcher;
    Napi::Error::New(env, std::string("uv_poll_init: ") + uv_strerror(error)).ThrowAsJavaScriptException();
    return nullptr;
  }
  watcher->handle_.data = watcher;
  // From here on libuv knows the handle, and every way out leads through Close. The hook comes first: without it the
  // handle would outlive its loop.
  napi_add_async_cleanup_hook(
      env, [](napi_async_cleanup_hook_handle, void* self) { static_cast<EpollWatcher*>(self)->Close(); }, watcher,
      &watcher->cleanup_);
  if (!watcher->TakeReferences(events, callback)) {
    watcher->Close();
    Napi::Error::New(env, "Poll: Node-API gave no references").ThrowAsJavaScriptException();
    return nullptr;
  }
  uv_poll_start(&watcher->handle_, UV_READABLE,
                [](uv_poll_t* handle, int, int) { static_cast<EpollWatcher*>(handle->data)->Dispatch(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&watcher->handle_));
  return watcher;
}

bool EpollWatcher::TakeReferences(napi_value events, napi_value callback) {
  napi_value name;
  return napi_create_reference(env_, events, 1, &events_) == napi_ok &&
         napi_create_reference(env_, callback, 1, &callback_) == napi_ok &&
         napi_create_string_utf8(env_, "TcpStriperPoll", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_async_init(env_, nullptr, name, &context_) == napi_ok;
}

void EpollWatcher::ReleaseReferences() {
  if (context_ != nullptr) napi_async_destroy(env_, context_);
  if (events_ != nullptr) napi_delete_reference(env_, events_);
  if (callback_ != nullptr) napi_delete_reference(env_, callback_);
  context_ = nullptr;
  events_ = nullptr;
  callback_ = nullptr;
}

int EpollWatcher::Control(int operation, int fd, int slot, uint32_t mask) {
  epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = mask | EPOLLRDHUP | EPOLLET;
  // PRI: at TCP's urgent mark a read comes back short although there is more behind it, so that whoever takes a short
  // read for an empty socket has to know. Only together with IN: the kernel takes every arrival for urgent when it
  // looks for whom to wake (sock_def_readable), so that PRI alone would not let anybody sleep.
  if ((mask & EPOLLIN) != 0) event.events |= EPOLLPRI;
  event.data.u64 = static_cast<uint64_t>(slot);
  return ResultOf(epoll_ctl(epoll_fd_, operation, fd, &event));
}

int EpollWatcher::Modify(int fd, int slot, int mask) {
  return Control(EPOLL_CTL_MOD, fd, slot, static_cast<uint32_t>(mask) & (EPOLLIN | EPOLLOUT));
}

int EpollWatcher::Add(int fd, int slot) {
  const int result = Control(EPOLL_CTL_ADD, fd, slot, EPOLLIN | EPOLLOUT);
  if (result != 0) return result;
  const size_t index = static_cast<size_t>(fd);
  if (index >= watching_.size()) watching_.resize(index + 1);
  // It may be there already: closed without remove(), whereupon epoll forgot it, and its number has come back.
  if (!watching_[index]) {
    watching_[index] = true;
    if (watched_++ == 0) uv_ref(reinterpret_cast<uv_handle_t*>(&handle_));
  }
  return 0;
}

int EpollWatcher::Remove(int fd) {
  const int result = ResultOf(epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr));
  // Also when epoll does not know it (it was closed first): otherwise it would keep the loop alive for ever.
  Forget(fd);
  return result;
}

void EpollWatcher::Forget(int fd) {
  const size_t index = static_cast<size_t>(fd);
  if (fd < 0 || index >= watching_.size() || !watching_[index]) return;
  watching_[index] = false;
  if (--watched_ == 0) uv_unref(reinterpret_cast<uv_handle_t*>(&handle_));
}

void EpollWatcher::Close() {
  if (closing_) return;
  closing_ = true;
  if (owner_ != nullptr) owner_->Detach();
  owner_ = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_), [](uv_handle_t* handle) {
    auto* self = static_cast<EpollWatcher*>(handle->data);
    // Node waits for this at the end of an environment. It is legal after the hook has run, and before.
    napi_remove_async_cleanup_hook(self->cleanup_);
    delete self;
  });
  // Allowed as soon as uv_close has returned: it took the descriptor out of libuv's epoll.
  close(epoll_fd_);
  // The call that is under way still stands on the async context.
  if (!dispatching_) ReleaseReferences();
}

void EpollWatcher::Dispatch() {
  int count;
  do {
    count = epoll_wait(epoll_fd_, ready_.data(), static_cast<int>(ready_.size()), 0);
  } while (count < 0 && errno == EINTR);
  // Zero when what was ready has been removed since libuv looked.
  if (count <= 0) return;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env_, &scope) != napi_ok) return;
  dispatching_ = true;
  if (WriteEvents(count)) CallBack(count);
  dispatching_ = false;
  if (closing_) ReleaseReferences();
  napi_close_handle_scope(env_, scope);
}

bool EpollWatcher::WriteEvents(int count) {
  napi_value events;
  size_t length;
  void* data;
  // Asked anew each time: an array whose buffer somebody has transferred away has length 0 and memory no more.
  if (napi_get_reference_value(env_, events_, &events) != napi_ok ||
      napi_get_typedarray_info(env_, events, nullptr, &length, &data, nullptr, nullptr) != napi_ok ||
      length < 2 * static_cast<size_t>(count)) {
    napi_value text;
    napi_value error;
    napi_create_string_utf8(env_, "Poll: the events array has been detached", NAPI_AUTO_LENGTH, &text);
    if (napi_create_type_error(env_, nullptr, text, &error) == napi_ok) napi_fatal_exception(env_, error);
    return false;
  }
  auto* out = static_cast<int32_t*>(data);
  for (int i = 0; i < count; i++) {
    out[2 * i] = static_cast<int32_t>(ready_[i].data.u64);
    out[2 * i + 1] = static_cast<int32_t>(ready_[i].events);
  }
  return true;
}

void EpollWatcher::CallBack(int count) {
  napi_value callback;
  napi_value receiver;
  napi_value argument;
  if (napi_get_reference_value(env_, callback_, &callback) != napi_ok || napi_get_global(env_, &receiver) != napi_ok ||
      napi_create_int32(env_, count, &argument) != napi_ok) {
    return;
  }
  // With the async context, so that Node runs microtasks and nextTick when the callback returns.
  napi_make_callback(env_, context_, receiver, callback, 1, &argument, nullptr);
  bool thrown = false;
  napi_is_exception_pending(env_, &thrown);
  if (!thrown) return;
  napi_value error;
  // In an environment that is being terminated JavaScript cannot run any more; then this does nothing.
  if (napi_get_and_clear_last_exception(env_, &error) == napi_ok) napi_fatal_exception(env_, error);
}

Napi::Function Poll::Define(Napi::Env env) {
  return DefineClass(env, "Poll",
                     {InstanceMethod<&Poll::Add>("add"), InstanceMethod<&Poll::Modify>("modify"),
                      InstanceMethod<&Poll::Remove>("remove"), InstanceMethod<&Poll::Close>("close")});
}

Poll::Poll(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Poll>(info) {
  Napi::Env env = info.Env();
  napi_typedarray_type type;
  size_t length;
  if (napi_get_typedarray_info(env, info[0], &type, &length, nullptr, nullptr, nullptr) != napi_ok ||
      type != napi_int32_array) {
    Napi::TypeError::New(env, "events must be an Int32Array").ThrowAsJavaScriptException();
    return;
  }
  if (length < 2 || length > INT_MAX) {
    Napi::RangeError::New(env, "events must have room for at least one event").ThrowAsJavaScriptException();
    return;
  }
  if (!info[1].IsFunction()) {
    Napi::TypeError::New(env, "onEvents must be a function").ThrowAsJavaScriptException();
    return;
  }
  watcher_ = EpollWatcher::Start(this, env, info[0], length / 2, info[1]);
}

Poll::~Poll() {
  if (watcher_ != nullptr) watcher_->Close();
}

void Poll::Detach() { watcher_ = nullptr; }

// A Poll that nobody refers to but which watches something is in use: its events must go on coming.
void Poll::HoldWhileWatching() {
  const bool watching = watcher_ != nullptr && watcher_->watched() > 0;
  if (watching == held_) return;
  held_ = watching;
  if (watching) {
    Ref();
  } else {
    Unref();
  }
}

Napi::Value Poll::Add(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  int slot;
  if (!FdArgument(env, info[0], &fd) || !IntArgument(env, info[1], "slot", 0, INT_MAX, &slot)) return Napi::Value();
  const int result = watcher_ == nullptr ? -EBADF : watcher_->Add(fd, slot);
  HoldWhileWatching();
  return Napi::Number::New(env, result);
}

Napi::Value Poll::Modify(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  int slot;
  int mask;
  if (!FdArgument(env, info[0], &fd) || !IntArgument(env, info[1], "slot", 0, INT_MAX, &slot) ||
      !IntArgument(env, info[2], "mask", 0, INT_MAX, &mask)) {
    return Napi::Value();
  }
  return Napi::Number::New(env, watcher_ == nullptr ? -EBADF : watcher_->Modify(fd, slot, mask));
}

Napi::Value Poll::Remove(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  if (!FdArgument(env, info[0], &fd)) return Napi::Value();
  const int result = watcher_ == nullptr ? -EBADF : watcher_->Remove(fd);
  HoldWhileWatching();
  return Napi::Number::New(env, result);
}

Napi::Value Poll::Close(const Napi::CallbackInfo& info) {
  if (watcher_ != nullptr) watcher_->Close();
  HoldWhileWatching();
  return info.Env().Undefined();
}

}  // namespace tcp_striper

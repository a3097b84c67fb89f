// Poll: readiness of many sockets, at one crossing into JavaScript per turn of the loop.
//
// One private epoll descriptor holds every socket, each added once and edge-triggered; Node's own loop watches that one
// descriptor. A uv_poll_t per socket would cost an epoll_ctl whenever interest changes and a callback into JavaScript
// for every event.
//
//   new Poll(events: Int32Array, onEvents: (count: number) => void)
//       For each event (slot, mask) is written to events[2 * i], events[2 * i + 1], then onEvents is called once. There
//       are at most events.length / 2 at a time; the others come at the next turn. mask is made of EPOLLIN 1,
//       EPOLLPRI 2, EPOLLOUT 4, EPOLLERR 8, EPOLLHUP 16, EPOLLRDHUP 0x2000. What onEvents throws becomes an uncaughtException.
//   add(fd, slot)   0 or a negative errno. The first event comes at once if the socket is ready for anything.
//   modify(fd, slot, mask)  0 or a negative errno. From now on tells of mask (EPOLLIN with EPOLLPRI, EPOLLOUT) and of what is
//                   always told: EPOLLRDHUP, EPOLLERR, EPOLLHUP. What is ready and in mask comes at once.
//   remove(fd)      0 or a negative errno. To be called before fd is closed.
//   close()         Ends it; adding and removing then answer -EBADF.
//
// The loop stays alive while at least one descriptor is in it.
#ifndef TCP_STRIPER_POLL_H_
#define TCP_STRIPER_POLL_H_

#include <napi.h>

namespace tcp_striper {

class EpollWatcher;

class Poll : public Napi::ObjectWrap<Poll> {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit Poll(const Napi::CallbackInfo& info);
  ~Poll() override;

  // The watcher goes away by itself when the environment ends; after this nothing here refers to it.
  void Detach();

 private:
  Napi::Value Add(const Napi::CallbackInfo& info);
  Napi::Value Modify(const Napi::CallbackInfo& info);
  Napi::Value Remove(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  void HoldWhileWatching();

  EpollWatcher* watcher_ = nullptr;
  bool held_ = false;
};

}  // namespace tcp_striper

#endif  // TCP_STRIPER_POLL_H_

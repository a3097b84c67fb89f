#include "tcp_info.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <iterator>
#include <limits>

#include "arguments.h"

namespace tcp_striper {
namespace {

constexpr int kTcpInfo = 11;  // TCP_INFO; <netinet/tcp.h> would bring glibc's struct, which stops at 104 bytes

// The kernel's struct tcp_info as of Linux 6.18. It only ever grows at its end, so that one layout serves every kernel:
// an older one returns less of it, a newer one is asked for no more than this.
struct KernelTcpInfo {
  uint8_t state;
  uint8_t ca_state;
  uint8_t retransmits;
  uint8_t probes;
  uint8_t backoff;
  uint8_t options;
  uint8_t snd_wscale : 4, rcv_wscale : 4;
  uint8_t delivery_rate_app_limited : 1, fastopen_client_fail : 2;

  uint32_t rto;
  uint32_t ato;
  uint32_t snd_mss;
  uint32_t rcv_mss;

  uint32_t unacked;
  uint32_t sacked;
  uint32_t lost;
  uint32_t retrans;
  uint32_t fackets;

  uint32_t last_data_sent;
  uint32_t last_ack_sent;
  uint32_t last_data_recv;
  uint32_t last_ack_recv;

  uint32_t pmtu;
  uint32_t rcv_ssthresh;
  uint32_t rtt;
  uint32_t rttvar;
  uint32_t snd_ssthresh;
  uint32_t snd_cwnd;
  uint32_t advmss;
  uint32_t reordering;

  uint32_t rcv_rtt;
  uint32_t rcv_space;

  uint32_t total_retrans;

  uint64_t pacing_rate;
  uint64_t max_pacing_rate;
  uint64_t bytes_acked;
  uint64_t bytes_received;
  uint32_t segs_out;
  uint32_t segs_in;

  uint32_t notsent_bytes;
  uint32_t min_rtt;
  uint32_t data_segs_in;
  uint32_t data_segs_out;

  uint64_t delivery_rate;

  uint64_t busy_time;
  uint64_t rwnd_limited;
  uint64_t sndbuf_limited;

  uint32_t delivered;
  uint32_t delivered_ce;

  uint64_t bytes_sent;
  uint64_t bytes_retrans;
  uint32_t dsack_dups;
  uint32_t reord_seen;

  uint32_t rcv_ooopack;
  uint32_t snd_wnd;
  uint32_t rcv_wnd;
  uint32_t rehash;

  uint16_t total_rto;
  uint16_t total_rto_recoveries;
  uint32_t total_rto_time;

  uint32_t received_ce;
  uint32_t delivered_e1_bytes;
  uint32_t delivered_e0_bytes;
  uint32_t delivered_ce_bytes;
  uint32_t received_e1_bytes;
  uint32_t received_e0_bytes;
  uint32_t received_ce_bytes;
  uint16_t accecn_fail_mode;
  uint16_t accecn_opt_seen;
};

static_assert(offsetof(KernelTcpInfo, rto) == 8, "");
static_assert(offsetof(KernelTcpInfo, rtt) == 68, "");
static_assert(offsetof(KernelTcpInfo, total_retrans) == 100, "");
static_assert(offsetof(KernelTcpInfo, pacing_rate) == 104, "");
static_assert(offsetof(KernelTcpInfo, bytes_acked) == 120, "");
static_assert(offsetof(KernelTcpInfo, notsent_bytes) == 144, "");
static_assert(offsetof(KernelTcpInfo, min_rtt) == 148, "");
static_assert(offsetof(KernelTcpInfo, delivery_rate) == 160, "");
static_assert(offsetof(KernelTcpInfo, busy_time) == 168, "");
static_assert(offsetof(KernelTcpInfo, bytes_sent) == 200, "");
static_assert(offsetof(KernelTcpInfo, snd_wnd) == 228, "");
static_assert(offsetof(KernelTcpInfo, rehash) == 236, "");
static_assert(offsetof(KernelTcpInfo, received_ce) == 248, "");
static_assert(sizeof(KernelTcpInfo) == 280, "");

struct Field {
  const char* name;
  size_t end;  // the first length of the kernel's answer that has this field whole
  double (*read)(const KernelTcpInfo&);
};

#define FIELD_UNTIL(field, last)                                                    \
  {                                                                                 \
#field, offsetof(KernelTcpInfo, last) + sizeof(KernelTcpInfo::last),            \
        [](const KernelTcpInfo& info) { return static_cast<double>(info.field); } \
  }
#define FIELD(field) FIELD_UNTIL(field, field)

constexpr Field kFields[] = {
    FIELD(state),
    FIELD(ca_state),
    FIELD(retransmits),
    FIELD(probes),
    FIELD(backoff),
    FIELD(options),
    // A bit in what used to be padding. It means something on kernels that measure a delivery rate.
    FIELD_UNTIL(delivery_rate_app_limited, delivery_rate),
    FIELD(rto),
    FIELD(ato),
    FIELD(snd_mss),
    FIELD(rcv_mss),
    FIELD(unacked),
    FIELD(sacked),
    FIELD(lost),
    FIELD(retrans),
    FIELD(last_data_sent),
    FIELD(last_data_recv),
    FIELD(last_ack_recv),
    FIELD(pmtu),
    FIELD(rcv_ssthresh),
    FIELD(rtt),
    FIELD(rttvar),
    FIELD(snd_ssthresh),
    FIELD(snd_cwnd),
    FIELD(advmss),
    FIELD(reordering),
    FIELD(rcv_rtt),
    FIELD(rcv_space),
    FIELD(total_retrans),
    FIELD(pacing_rate),
    FIELD(max_pacing_rate),
    FIELD(bytes_acked),
    FIELD(bytes_received),
    FIELD(segs_out),
    FIELD(segs_in),
    FIELD(notsent_bytes),
    FIELD(min_rtt),
    FIELD(data_segs_in),
    FIELD(data_segs_out),
    FIELD(delivery_rate),
    FIELD(busy_time),
    FIELD(rwnd_limited),
    FIELD(sndbuf_limited),
    FIELD(delivered),
    FIELD(delivered_ce),
    FIELD(bytes_sent),
    FIELD(bytes_retrans),
    FIELD(dsack_dups),
    FIELD(reord_seen),
    FIELD(rcv_ooopack),
    FIELD(snd_wnd),
    FIELD(rcv_wnd),
    FIELD(rehash),
    FIELD(total_rto),
    FIELD(total_rto_recoveries),
    FIELD(total_rto_time),
    FIELD(received_ce),
};

#undef FIELD
#undef FIELD_UNTIL

bool ValuesArgument(napi_env env, napi_value value, double** out) {
  napi_typedarray_type type;
  size_t length;
  void* data;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "values must be a Float64Array");
    return false;
  }
  if (length < std::size(kFields)) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "values must have room for every one of tcpInfoFields");
    return false;
  }
  *out = static_cast<double*>(data);
  return true;
}

}  // namespace

Napi::Array TcpInfoFields(Napi::Env env) {
  Napi::Array names = Napi::Array::New(env, std::size(kFields));
  for (size_t i = 0; i < std::size(kFields); i++) names.Set(static_cast<uint32_t>(i), kFields[i].name);
  names.Freeze();
  return names;
}

Napi::Value TcpInfo(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd;
  double* values;
  int limit = sizeof(KernelTcpInfo);
  if (!FdArgument(env, info[0], &fd) || !ValuesArgument(env, info[1], &values)) return Napi::Value();
  if (!info[2].IsUndefined() && !IntArgument(env, info[2], "limit", 0, sizeof(KernelTcpInfo), &limit)) {
    return Napi::Value();
  }
  KernelTcpInfo kernel;
  memset(&kernel, 0, sizeof kernel);
  socklen_t length = static_cast<socklen_t>(limit);
  const int result = ResultOf(getsockopt(fd, IPPROTO_TCP, kTcpInfo, &kernel, &length));
  if (result < 0) return Napi::Number::New(env, result);
  for (size_t i = 0; i < std::size(kFields); i++) {
    values[i] = kFields[i].end <= length ? kFields[i].read(kernel) : std::numeric_limits<double>::quiet_NaN();
  }
  return Napi::Number::New(env, static_cast<double>(length));
}

}  // namespace tcp_striper

// TCP_INFO: what the kernel knows of a connection.
#ifndef TCP_STRIPER_TCP_INFO_H_
#define TCP_STRIPER_TCP_INFO_H_

#include <napi.h>

namespace tcp_striper {

// The names of what tcpInfo fills in, in its order: the kernel's, without "tcpi_". Units, where it is not a plain
// count or a state:
//   microseconds   rto ato rtt rttvar rcv_rtt min_rtt busy_time rwnd_limited sndbuf_limited
//   milliseconds   last_data_sent last_data_recv last_ack_recv total_rto_time
//   segments       unacked sacked lost retrans snd_ssthresh snd_cwnd reordering total_retrans segs_* data_segs_*
//                  delivered delivered_ce received_ce dsack_dups rcv_ooopack
//   bytes          snd_mss rcv_mss advmss pmtu rcv_ssthresh rcv_space bytes_* notsent_bytes snd_wnd rcv_wnd
//   bytes/second   pacing_rate max_pacing_rate delivery_rate
Napi::Array TcpInfoFields(Napi::Env env);

// tcpInfo(fd, values: Float64Array, limit?): the length in bytes that the kernel returned, or a negative errno, in which
// case `values` is untouched. A field of which the kernel did not return every byte is NaN. With `limit` the kernel is
// asked for no more bytes than that, and answers as an older kernel would.
Napi::Value TcpInfo(const Napi::CallbackInfo& info);

}  // namespace tcp_striper

#endif  // TCP_STRIPER_TCP_INFO_H_

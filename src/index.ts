/**
 * tcp-striper as a library: pipes, layers, bridges, and the proxies built from them.
 */

export {
  AddressError,
  type Endpoint,
  formatAddress,
  formatEndpoint,
  parseEndpoint,
  type SocketAddress,
} from './core/address.ts';
export { Chunk } from './core/chunk.ts';
export { type Cancel, type Clock, systemClock } from './core/clock.ts';
export { PIPE_ERRORS, PipeError, type PipeErrorCode } from './core/errors.ts';
export { type Logger, type LogLevel, lineLogger, silentLogger } from './core/log.ts';
export { defaultPool, SlabPool, type SlabPoolOptions } from './core/pool.ts';
export {
  type Codec,
  CodecRegistry,
  type CodecStream,
  FLUSH_END,
  FLUSH_FULL,
  FLUSH_NONE,
  FLUSH_PARTIAL,
  type Flush,
  Job,
} from './layer/compress/codec.ts';
export { availableCodecs } from './layer/compress/codecs.ts';
export type { CompressCounters } from './layer/compress/counters.ts';
export { type FlushKinds, NodeCodecStream, type ZlibStream } from './layer/compress/node_stream.ts';
export { CompressPipe, type CompressPipeOptions } from './layer/compress/pipe.ts';
export { FixedPolicy, type Method, methodOf, type Policy } from './layer/compress/policy.ts';
export { type DatagramOptions, DatagramPipe } from './layer/datagram/pipe.ts';
export { type Backend, openTransport } from './layer/tcp/backend.ts';
export { type DialHandlers, type DialOptions, dial } from './layer/tcp/dial.ts';
export type { Listener, ListenHandlers, Transport } from './layer/tcp/transport.ts';
export {
  CertificateCredentials,
  type CertificateSettings,
} from './layer/tls/certificates.ts';
export type { TlsCredentials } from './layer/tls/party.ts';
export { TlsPipe, type TlsPipeOptions } from './layer/tls/pipe.ts';
export { PskCredentials } from './layer/tls/psk.ts';
export { type BridgeEnd, type BridgeOptions, IoBridge } from './pipe/bridge.ts';
export { CheckedPipe, ContractViolation } from './pipe/checked.ts';
export { DuplexPipe, type DuplexPipeOptions } from './pipe/from_duplex.ts';
export { MemoryPipe, type MemoryPipeOptions, memoryPair } from './pipe/memory.ts';
export {
  type ActivityHandler,
  BROKEN,
  FIN_SENT,
  type IoPipe,
  type PipeKind,
  READABLE,
  READY,
  WRITABLE,
} from './pipe/pipe.ts';
export { PipeDuplex, type PipeDuplexOptions } from './pipe/to_duplex.ts';
export type { Limits } from './proxy/limits.ts';
export { REFUSAL_REASONS, type RefusalCounts, type RefusalReason } from './proxy/refusal_log.ts';
export { ProxyService } from './proxy/service.ts';
export type { ServiceOptions } from './proxy/service_options.ts';
export type { Session, SessionState } from './proxy/session.ts';
export type { ProxyMode } from './proxy/stack.ts';
export type { Totals } from './proxy/totals.ts';
export { addonProblem } from './sys/addon.ts';
export type { TcpInfo } from './sys/tcp_info.ts';

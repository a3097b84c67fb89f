/**
 * Why a pipe broke: one error class, one table of codes.
 *
 * FIN is not an error and never appears here. Programs match on `code`; people read `message`, which says what
 * happened and where. The system's own error, if there was one, is in `cause`.
 */

/** Every code that a {@link PipeError} can carry, with its one-line meaning. */
export const PIPE_ERRORS = {
  reset: 'connection reset',
  refused: 'nothing listens at that address',
  unreachable: 'no route to that host or network',
  timeout: 'no answer in time',
  resolve: 'the host name could not be resolved',
  descriptors: 'out of file descriptors or of memory for sockets',
  'address-in-use': 'that address is in use',
  'address-invalid': 'that address cannot be used on this machine',
  loop: 'that address leads back to this program itself',
  permission: 'the system does not permit it',
  truncated: 'the stream ended in the middle of a message',
  'too-large': 'a message is larger than the agreed maximum',
  malformed: 'the peer sent bytes that are not in the protocol',
  cancelled: 'given up by this program, for example while stopping',
  system: 'the operating system reported another error; see the cause',
} as const;

export type PipeErrorCode = keyof typeof PIPE_ERRORS;

export class PipeError extends Error {
  override readonly name = 'PipeError';
  /** What happened; the part that programs match on. */
  readonly code: PipeErrorCode;
  /** The layer in which it happened: `tcp`, `datagram`, `resolve`, ... */
  readonly layer: string;

  constructor(code: PipeErrorCode, layer: string, detail?: string, cause?: unknown) {
    // What a network does is no bug, and a stack costs more than the connection that it is about.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(detail ?? PIPE_ERRORS[code], cause === undefined ? undefined : { cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.layer = layer;
  }
}

const BY_ERRNO_NAME = new Map<string, PipeErrorCode>(
  Object.entries({
    ECONNRESET: 'reset',
    // Linux reports a reset as EPIPE once the peer's FIN has been read, and on every later send.
    EPIPE: 'reset',
    ECONNABORTED: 'reset',
    // What shutdown() says when the reset has been heard of already.
    ENOTCONN: 'reset',
    ECONNREFUSED: 'refused',
    // A Unix socket path that is not there is, to a user, a service that is not running.
    ENOENT: 'refused',
    EHOSTUNREACH: 'unreachable',
    ENETUNREACH: 'unreachable',
    EHOSTDOWN: 'unreachable',
    ENETDOWN: 'unreachable',
    ETIMEDOUT: 'timeout',
    EMFILE: 'descriptors',
    ENFILE: 'descriptors',
    ENOBUFS: 'descriptors',
    ENOMEM: 'descriptors',
    EADDRINUSE: 'address-in-use',
    EADDRNOTAVAIL: 'address-invalid',
    EAFNOSUPPORT: 'address-invalid',
    ENAMETOOLONG: 'address-invalid',
    EACCES: 'permission',
    EPERM: 'permission',
  } as const),
);

/**
 * A PipeError for an operating-system error.
 *
 * @param name  the symbolic errno, such as `ECONNRESET`
 * @param cause the error object, where there is one
 */
export function systemError(name: string, layer: string, detail?: string, cause?: unknown): PipeError {
  const code = BY_ERRNO_NAME.get(name) ?? 'system';
  return new PipeError(code, layer, `${detail ?? PIPE_ERRORS[code]} (${name})`, cause);
}

/** Turns whatever was thrown or emitted into a PipeError of this layer; a PipeError is passed on as it is. */
export function asPipeError(error: unknown, layer: string): PipeError {
  if (error instanceof PipeError) return error;
  const name = (error as NodeJS.ErrnoException | null)?.code;
  if (typeof name === 'string') return systemError(name, layer, undefined, error);
  return new PipeError('system', layer, error instanceof Error ? error.message : String(error), error);
}

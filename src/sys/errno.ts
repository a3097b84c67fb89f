// Error numbers. The addon returns them negative: `if (result === -EAGAIN)`.

import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

/** Positive, as in C; this system's own values. */
export const {
  E2BIG,
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EALREADY,
  EBADF,
  EBADMSG,
  ECONNABORTED,
  ECONNREFUSED,
  ECONNRESET,
  EEXIST,
  EHOSTUNREACH,
  EINPROGRESS,
  EINTR,
  EINVAL,
  EISCONN,
  EMFILE,
  EMSGSIZE,
  ENAMETOOLONG,
  ENETDOWN,
  ENETUNREACH,
  ENFILE,
  ENOBUFS,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENOPROTOOPT,
  ENOTCONN,
  ENOTSOCK,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
  EPROTO,
  ETIMEDOUT,
} = constants.errno;

/** `-11` -> `'EAGAIN'`. A number that this system does not know becomes `'errno 4711'`. */
export function errnoName(negativeErrno: number): string {
  return (
    getSystemErrorMap().get(negativeErrno)?.[0] ?? nameInConstants(negativeErrno) ?? `errno ${-negativeErrno}`
  );
}

/** `-111` -> `'connection refused'`: for people. */
export function errnoText(negativeErrno: number): string {
  return getSystemErrorMap().get(negativeErrno)?.[1] ?? errnoName(negativeErrno);
}

/** libuv, whose list `getSystemErrorMap` is, leaves out what it does not expect; the constants have more names. */
function nameInConstants(negativeErrno: number): string | undefined {
  return Object.entries(constants.errno).find(([, value]) => value === -negativeErrno)?.[0];
}

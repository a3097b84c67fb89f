#!/usr/bin/env bash
# Installs the Debian packages whose programs the tests (or, with `bench`, the benchmarks; with `wan`, the WAN emulator;
# with `codecs`, the addon's compression) need.
#
# Does nothing when they are there. Where it may not install (not root, no apt-get), it says what is missing and ends
# well: the tests that need a missing program are skipped, and say so.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

# program, package
case ${1:-tests} in
  tests)
    need=(sshd:openssh-server ssh:openssh-client sftp:openssh-client rsync:rsync curl:curl iperf3:iperf3
      socat:socat ip:iproute2 nft:nftables git:git wrk:wrk tshark:tshark openssl:openssl chromium:chromium
      redis-server:redis-server redis-benchmark:redis-tools cmake:cmake g++:g++ zstd:zstd lz4:lz4)
    ;;
  bench) need=(haproxy:haproxy nginx:nginx-light socat:socat iperf3:iperf3 stunnel4:stunnel4 openssl:openssl
    zstd:zstd lz4:lz4 sshd:openssh-server ssh:openssh-client) ;;
  wan) need=(ip:iproute2 cmake:cmake g++:g++ tmux:tmux) ;;
  # Looked for as files, below.
  codecs) need=() ;;
  *) echo "usage: $0 [tests | bench | wan | codecs]" >&2; exit 2 ;;
esac

packages=()
for pair in "${need[@]}"; do
  command -v "${pair%%:*}" >/dev/null || packages+=("${pair#*:}")
done
# PostgreSQL keeps its server's programs out of PATH.
if [ "${1:-tests}" = tests ] && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
  packages+=(postgresql)
fi
# nginx relays TCP with a module of its own package.
if [ "${1:-}" = bench ] && ! compgen -G '/usr/lib/nginx/modules/ngx_stream_module.so' >/dev/null; then
  packages+=(libnginx-mod-stream)
fi
if [ "${1:-}" = codecs ]; then
  [ -e /usr/include/zstd.h ] || packages+=(libzstd-dev)
  [ -e /usr/include/lz4frame.h ] || packages+=(liblz4-dev)
fi
[ ${#packages[@]} -eq 0 ] && exit 0
mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Not installed, so what needs them is left out: ${packages[*]}" >&2
  echo "  as root, on Debian: apt-get install ${packages[*]}" >&2
  exit 0
fi

# Only the programs are wanted: Debian would start sshd, nginx and haproxy as services too, unless told not to.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
echo "Installing Debian packages for the tests: ${packages[*]} ..."
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get -q update && apt-get -q install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
  tail -20 "$log" >&2
  rm -f "$log"
  echo "They could not be installed." >&2
  exit 1
fi
rm -f "$log"

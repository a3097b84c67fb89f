#!/usr/bin/env bash
# Builds the native addon with node-gyp. Used by `make native`, which knows when it is needed.
#
# Ends well without an addon, because everything works over node:net too; but with CI set, or where a release is
# made (STRIPER_NATIVE=required), a missing addon is an error.
set -euo pipefail
cd "$(dirname "$0")/../.."
addon=$1

go_on_without() {
  echo "No native addon: $1" >&2
  if [ "${STRIPER_NATIVE:-}" = required ] || [ -n "${CI:-}" ]; then
    exit 1
  fi
  echo "Everything still works over node:net, slower and without TCP_INFO. $2" >&2
  exit 0
}

missing=()
for tool in make python3; do
  command -v "$tool" >/dev/null || missing+=("$tool")
done
command -v "${CXX:-c++}" >/dev/null || command -v g++ >/dev/null || missing+=('a C++ compiler')
if [ ${#missing[@]} -gt 0 ]; then
  list=$(printf '%s, ' "${missing[@]}")
  go_on_without "building it needs ${list%, }." 'On Debian: apt-get install g++ make python3'
fi

# For compression, libzstd and liblz4 go into the binary; without them the build goes on.
tools/test/install-debian.sh codecs || true

# With the headers of this very Node at hand, node-gyp has nothing to download.
headers=()
if include=$(node native/find-node-headers.cjs 2>/dev/null); then
  headers=("--nodedir=$(dirname "$(dirname "$include")")")
fi

mkdir -p build
log=build/native.log
echo 'Building the native addon ...'
if ! node_modules/.bin/node-gyp configure build --release "${headers[@]}" >"$log" 2>&1; then
  # An addon of older sources would be worse than none.
  rm -f "$addon"
  grep -E 'error|Error' "$log" | head -20 >&2 || tail -20 "$log" >&2
  go_on_without 'its build failed, as said above.' "All of it is in $log."
fi
touch "$addon"

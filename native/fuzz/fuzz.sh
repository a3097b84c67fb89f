#!/bin/sh
# The addon's parsing under libFuzzer, AddressSanitizer and UBSan. Needs clang with its runtime; says so where it is missing.
#
#   native/fuzz/fuzz.sh [SECONDS]     20 by default. What is found lies in build/fuzz, and is replayed by
#                                     build/fuzz/addon FILE
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-20}
out=build/fuzz
corpus=test/fuzz/corpus/addon
mkdir -p "$out/corpus" "$corpus"

if ! command -v clang++ >/dev/null; then
  echo "addon: not fuzzed, as there is no clang++ (Debian: apt-get install clang libclang-rt-14-dev)" >&2
  exit 0
fi

headers=$(node native/find-node-headers.cjs)
clang++ -std=c++17 -g -O1 -fno-exceptions -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
  -DNAPI_VERSION=8 -DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS \
  -isystem "$headers" -isystem "$(node -p "require('node-addon-api').include_dir")" \
  native/address.cc native/arguments.cc native/options.cc native/tcp_info.cc native/fuzz/fake_napi.cc \
  native/fuzz/fuzz_addon.cc -ffunction-sections -Wl,--gc-sections -o "$out/addon"

echo "addon: $seconds s under libFuzzer"
if ! "$out/addon" -max_total_time="$seconds" -max_len=512 -print_final_stats=1 -artifact_prefix="$out/addon-" \
  "$out/corpus" "$corpus" >"$out/addon.log" 2>&1; then
  tail -n 60 "$out/addon.log" >&2
  exit 1
fi
grep number_of_executed_units "$out/addon.log" | sed 's/.*: */  inputs: /'

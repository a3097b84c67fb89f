#!/bin/sh
# Builds the addon with AddressSanitizer and UBSan, and runs the tests of src/sys over it. Fails when a test fails, when
# either sanitizer reports anything, and when memory leaks that this addon asked for.
#
#   native/test-asan.sh [TEST ...]     all of dist/test/sys/*.test.js by default
#
# Node itself is not instrumented, and leaves some memory to the end of the process. Suppressions cannot tell its leaks
# from ours: they match any frame, and below every frame of ours there are some of Node's. So leaks do not change the
# exit code; the reports are read instead, and a leak counts when its stack passes through this addon, unless V8 asked
# for the memory inside of a call of ours: that is its heap's bookkeeping, which it does not take down at exit. For
# this stacks must be whole, hence the slow unwinder: Node is compiled without frame pointers.
set -eu
cd "$(dirname "$0")/.."

out=$PWD/build/asan
reports=$out/reports
export CXX=g++

npx --no cmake-js compile -d native -O "$out/build" -D --CDSANITIZE=address,undefined --silent
make --no-print-directory ts

# node-gyp-build takes the binary from here instead of build/Release.
export TCP_STRIPER_PREBUILD="$out"
loaded=$(node -p "require('node-gyp-build').resolve('$PWD')")
if [ "$loaded" != "$out/build/Debug/tcp_striper.node" ]; then
  echo "The tests would load $loaded, which is not the sanitized build." >&2
  exit 1
fi

rm -rf "$reports"
mkdir -p "$reports"
export ASAN_OPTIONS="detect_leaks=1:abort_on_error=1:exitcode=0:fast_unwind_on_malloc=0:malloc_context_size=40:detect_stack_use_after_return=1:log_path=$reports/report"
export UBSAN_OPTIONS="print_stacktrace=1:abort_on_error=1:log_path=$reports/report"
export TAP_TIMEOUT=240

[ $# -gt 0 ] || set -- dist/test/sys/*.test.js
failed=0
for test in "$@"; do
  # Without the preload the sanitizer would come too late: malloc would be in use already.
  if LD_PRELOAD=$($CXX -print-file-name=libasan.so) node "$test" >"$reports/output" 2>&1; then
    echo "ok      $test"
  else
    echo "FAILED  $test"
    grep -A 20 '^ *not ok' "$reports/output" || tail -n 40 "$reports/output"
    failed=1
  fi
done

for report in "$reports"/report.*; do
  [ -e "$report" ] || continue
  if grep -q -e 'ERROR: AddressSanitizer' -e 'runtime error:' "$report"; then
    cat "$report"
    failed=1
    continue
  fi
  # Leaks are paragraphs, with a frame on each line, the innermost first.
  if ours=$(awk '
    BEGIN { RS = ""; FS = "\n"; ORS = "\n\n" }
    / leak of / {
      for (i = 2; i <= NF && $i !~ / v8::/; i++) if ($i ~ /tcp_striper|Napi::|\/native\/[a-z_]+\.cc/) { print; found = 1; break }
    }
    END { exit !found }' "$report"); then
    echo "$report:"
    echo "$ours"
    failed=1
  fi
done

if [ $failed -eq 0 ]; then
  echo "No test failed, and the sanitizers found nothing in the addon."
else
  echo "The addon has a fault: see above." >&2
fi
exit $failed

#!/bin/sh
# Which compression libraries the addon is built with: those whose headers are there, inside the binary where a static
# library is at hand, so that it runs where there is none.
#
#   native/find-codecs.sh defines | libraries
#
# Debian's static libraries are not compiled for shared ones: -Bsymbolic (binding.gyp) is what lets them be linked.
set -eu
: "${CXX:=c++}"
command -v "$CXX" >/dev/null || CXX=g++
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# header, flags of the linker
links() {
  printf '#include <%s>\n' "$1" | "$CXX" -x c++ - -shared -fPIC -Wl,-Bsymbolic -o "$out" "$2" 2>/dev/null
}

for codec in ZSTD:zstd.h:zstd LZ4:lz4frame.h:lz4; do
  name=${codec%%:*}
  library=${codec##*:}
  header=${codec#*:}
  header=${header%:*}
  for flag in "-l:lib$library.a" "-l$library"; do
    if links "$header" "$flag"; then
      if [ "$1" = defines ]; then echo "TCP_STRIPER_$name"; else echo "$flag"; fi
      break
    fi
  done
done

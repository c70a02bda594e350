#!/bin/bash
# The linker that rustc is given: modules of the crate (-C linker-plugin-lto leaves them as
# bitcode) go through pass lend-calls and clang; all the rest is cc's.
# LEND_OPT, LEND_CLANG: those commands, words apart. LEND_POLICY: a galeed.toml; empty: no pass.
set -eu
words=()
for word in "$@"; do
  case "$word" in
  -Wl,-plugin-opt=*) continue ;;
  *.o)
    if [ "$(head -c 2 "$word")" = BC ]; then
      module=$word
      if [ -n "$LEND_POLICY" ]; then
        module=$word.lent.bc
        $LEND_OPT "$word" --passes=lend-calls --policy "$LEND_POLICY" -o "$module" --stats >&2
      fi
      $LEND_CLANG -O1 -fPIE -Wno-override-module -c -x ir "$module" -o "$word.lent.o"
      word=$word.lent.o
    fi
    ;;
  esac
  words+=("$word")
done
exec cc "${words[@]}"

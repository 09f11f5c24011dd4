#!/usr/bin/env bash
# headers.sh - does every header compile on its own, and twice?
#   bash tests/headers.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

cc=${CC:-gcc}
flags=(-std=c17 -D_GNU_SOURCE -I. -fsyntax-only -Wall -Wextra -Wpedantic -Werror)
read -ra packages < <(pkg-config --cflags libarchive json-c cmocka)
n=0
failed=0
while IFS= read -r header; do
    n=$((n + 1))
    # Twice: the second time its guard must hold.
    if ! printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
        "$cc" "${flags[@]}" "${packages[@]}" -x c -; then
        echo "$header: does not compile on its own"
        failed=1
    fi
done < <(find . -path ./build -prune -o -path ./.git -prune -o -name '*.h' -type f -printf '%P\n' | sort)

if [ "$n" -eq 0 ]; then
    echo "headers.sh: no header in $PWD" >&2
    exit 1
fi
echo "$n headers"
exit $failed

#!/usr/bin/env bash
# layers.sh - do all includes keep to tests/layers.txt?
#   bash tests/layers.sh [ROOT]
# Also: includes are written from the root, and a .c file's own header comes first.
set -euo pipefail
table=$(cd "$(dirname "$0")" && pwd)/layers.txt
cd "${1:-$(dirname "$0")/..}"

mapfile -t files < <(find . -path ./build -prune -o -path ./.git -prune -o \
    -name '*.[ch]' -type f -printf '%P\n' | sort)
if [ ${#files[@]} -eq 0 ]; then
    echo "layers.sh: no source file in $PWD" >&2
    exit 1
fi

printf '%s\n' "${files[@]}" | awk -v table="$table" '
    function fail(text) {
        print where ": " text
        n_failed++
    }

    # The component with the longest folder that holds the path.
    function component_of(path,    c, best) {
        best = ""
        for (c in folder)
            if (index(path, folder[c] "/") == 1 &&
                (best == "" || length(folder[c]) > length(folder[best])))
                best = c
        return best
    }

    # Is `what` among the comma-separated `list`?  "dir/*" stands for what begins so.
    function listed(what, list,    i, n, item) {
        n = split(list, item, ",")
        for (i = 1; i <= n; i++) {
            if (item[i] == what || item[i] == "*")
                return 1
            if (item[i] ~ /\/\*$/ && index(what, substr(item[i], 1, length(item[i]) - 1)) == 1)
                return 1
        }
        return 0
    }

    function check_own(path,    theirs) {
        if (!(path in exists)) {
            fail("\"" path "\" is no file: includes are written from the root")
            return
        }
        theirs = component_of(path)
        if (theirs != mine && !listed(theirs, may[mine]) && !listed(path, may[mine]))
            fail(mine " may not include " theirs " (\"" path "\")")
    }

    function check_foreign(path) {
        if (!(path in system_header) && !listed(path, foreign[mine]))
            fail(mine " may not include <" path ">")
    }

    function check_file(path,    line, name, own, n_includes) {
        mine = component_of(path)
        where = path
        if (mine == "")
            fail("belongs to no component")
        if (path ~ /util/)
            fail("no \"utils\": say what it does")
        own = path
        sub(/\.c$/, ".h", own)
        line_number = 0
        n_includes = 0
        while ((getline line < path) > 0) {
            line_number++
            if (line !~ /^[ \t]*#[ \t]*include/)
                continue
            where = path ":" line_number
            n_includes++
            name = line
            if (line ~ /^[ \t]*#[ \t]*include[ \t]*"[^"]+"/) {
                sub(/^[^"]*"/, "", name)
                sub(/".*$/, "", name)
                check_own(name)
            } else if (line ~ /^[ \t]*#[ \t]*include[ \t]*<[^>]+>/) {
                sub(/^[^<]*</, "", name)
                sub(/>.*$/, "", name)
                check_foreign(name)
            } else if (path != "daemon/core/banned.h" || line !~ / MIR_BEFORE_BANNED$/) {
                fail("an include that cannot be read")
            }
            if (n_includes == 1 && own != path && (own in exists) && name != own)
                fail("its own header comes first")
        }
        close(path)
    }

    BEGIN {
        while ((getline line < table) > 0) {
            n = split(line, word, /[ \t]+/)
            if (n == 0 || line ~ /^#/ || line == "")
                continue
            if (word[1] == "system") {
                for (i = 2; i <= n; i++)
                    system_header[word[i]] = 1
                continue
            }
            if (n != 4) {
                print table ": not four columns: " line
                exit bad_table = 1
            }
            folder[word[1]] = word[2]
            may[word[1]] = word[3]
            foreign[word[1]] = word[4]
        }
    }
    { file[NR] = $0; exists[$0] = 1 }
    END {
        if (bad_table)
            exit 1
        for (i = 1; i <= NR; i++)
            check_file(file[i])
        print NR " files, " n_failed + 0 " violations"
        exit n_failed > 0
    }
'

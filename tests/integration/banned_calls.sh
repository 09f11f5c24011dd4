#!/usr/bin/env bash
# banned_calls.sh - does banned.h stop the calls that it is there to stop, and nothing else?
set -euo pipefail
source_dir=${MIR_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
cc=${CC:-gcc}

compiles() {
    printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <time.h>\n%s\n' \
        "int f(char *s, time_t t); int f(char *s, time_t t) { (void)s; (void)t; $1; return 0; }" |
        "$cc" -std=c17 -D_GNU_SOURCE -include "$source_dir/daemon/core/banned.h" -Werror \
            -fsyntax-only -x c - 2>/dev/null
}

for call in 'time(NULL)' 'rand()' 'strcpy(s, s)' 'strcat(s, s)' 'sprintf(s, "")' 'atoi(s)' \
    'strtok(s, s)' 'localtime(&t)' 'gmtime(&t)'; do
    if compiles "(void)$call"; then
        echo "not stopped: $call"
        exit 1
    fi
done
for call in 'struct timespec now; clock_gettime(CLOCK_REALTIME, &now)' 'snprintf(s, 1, "")' \
    'strtod(s, NULL)' 'memcpy(s, s, 0)'; do
    if ! compiles "(void)0; $call"; then
        echo "stopped without need: $call"
        exit 1
    fi
done

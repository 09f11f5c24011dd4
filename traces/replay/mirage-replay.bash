# mirage-replay.bash - completion of mirage-replay for bash.
# SPDX-License-Identifier: GPL-3.0-or-later

# The options of a verb are asked of the program, so that they are never out of date.
_mirage_replay_options()
{
    mirage-replay "$1" --help 2>/dev/null | grep -oE '^  (-[a-z], |    )--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

_mirage_replay_policies()
{
    mirage-replay run --help 2>/dev/null | sed -n '/^Policies/,/^$/s/^  \([a-z_-]\+\) .*/\1/p'
}

_mirage_replay_words()
{
    # shellcheck disable=SC2207 # words have no blanks
    COMPREPLY=($(compgen -W "$1" -- "$2"))
}

_mirage_replay()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local verbs="run together schedule stats convert generate"

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        _mirage_replay_words "$verbs help --help --version" "$cur"
        return
    fi
    case $prev in
    help) _mirage_replay_words "$verbs" "$cur" ;;
    --scheduler) _mirage_replay_words "slurm easy fcfs conservative" "$cur" ;;
    --protocol) _mirage_replay_words "continuous cold" "$cur" ;;
    --event-order) _mirage_replay_words "batch single" "$cur" ;;
    --format) _mirage_replay_words "auto mirage sacct swf tacc alcf gwu" "$cur" ;;
    --policy) _mirage_replay_words "$(_mirage_replay_policies)" "$cur" ;;
    --tz) _mirage_replay_words "UTC $(cd /usr/share/zoneinfo 2>/dev/null && printf '%s ' [A-Z]*/*)" "$cur" ;;
    *)
        case $cur in
        -*) _mirage_replay_words "$(_mirage_replay_options "${COMP_WORDS[1]}")" "$cur" ;;
        esac
        ;;
    esac
}

# Where nothing above fits, a file name does.
complete -o default -F _mirage_replay mirage-replay

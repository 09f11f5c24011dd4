# mirage-train.bash - completion of mirage-train for bash.
# SPDX-License-Identifier: GPL-3.0-or-later

# The options of a verb are asked of the program, so that they are never out of date.
_mirage_train_options()
{
    mirage-train "$1" --help 2>/dev/null | grep -oE '^  (-[a-z], |    )--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

_mirage_train_words()
{
    # shellcheck disable=SC2207 # words have no blanks
    COMPREPLY=($(compgen -W "$1" -- "$2"))
}

_mirage_train()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local verbs="fit evaluate inspect"

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        _mirage_train_words "$verbs help --help --version" "$cur"
        return
    fi
    case $prev in
    help) _mirage_train_words "$verbs" "$cur" ;;
    --methods) _mirage_train_words "forest-q xgb-q rf xgb forest-q,xgb-q forest-q,xgb-q,rf,xgb" "$cur" ;;
    --scheduler) _mirage_train_words "slurm easy fcfs conservative" "$cur" ;;
    --format) _mirage_train_words "auto mirage sacct swf tacc alcf gwu" "$cur" ;;
    --tz) _mirage_train_words "UTC $(cd /usr/share/zoneinfo 2>/dev/null && printf '%s ' [A-Z]*/*)" "$cur" ;;
    *)
        case $cur in
        -*) _mirage_train_words "$(_mirage_train_options "${COMP_WORDS[1]}")" "$cur" ;;
        esac
        ;;
    esac
}

# Where nothing above fits, a file name does.
complete -o default -F _mirage_train mirage-train

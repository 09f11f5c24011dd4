# bash completion for mirage(1)                             -*- shell-script -*-
# SPDX-License-Identifier: GPL-3.0-or-later

_mirage_chains()
{
    # Nothing is said when the daemon is away: completion must not get in the way.
    mirage --parsable2 --noheader list "$@" 2>/dev/null | cut -d'|' -f1
}

_mirage()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local verbs="status list show why submit enroll stop pause resume drain undrain predict model"
    verbs+=" history config selftest"
    local common="--json --parsable2 --noheader --socket --help --version"
    local verb="" own="" i

    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --socket | --nodes | --time | --partition | --account | --qos | --user) ((i++)) ;;
            -*) ;;
            *)
                verb=${COMP_WORDS[i]}
                break
                ;;
        esac
    done

    case $prev in
        --socket)
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
            ;;
        --partition)
            mapfile -t COMPREPLY < <(compgen -W "$(sinfo -h -o %R 2>/dev/null)" -- "$cur")
            return
            ;;
        --user)
            mapfile -t COMPREPLY < <(compgen -u -- "$cur")
            return
            ;;
        --mirage)
            compopt -o nospace 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -W \
                "w= links= until= lead_max= warmup= stop_file= policy= done=" -- "$cur")
            return
            ;;
        -n | --nodes | --time | --account | --qos)
            return
            ;;
    esac

    case $verb in
        "") own="$verbs" ;;
        list) own="--all --user" ;;
        submit) own="--mirage" ;;
        enroll) own="--export" ;;
        why) own="-n" ;;
        predict) own="--nodes --time --partition --user --account --qos" ;;
        model) own="--force" ;;
        stop) own="--keep-successor" ;;
    esac

    if [[ $verb == submit && $cur != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    elif [[ $cur == -* || -z $verb ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$own $common" -- "$cur")
    else
        case $verb in
            show | why) mapfile -t COMPREPLY < <(compgen -W "$(_mirage_chains --all)" -- "$cur") ;;
            model)
                if [[ $prev == install ]]; then
                    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                else
                    mapfile -t COMPREPLY < <(compgen -W "list show install rollback reload" -- "$cur")
                fi
                ;;
            stop | pause | resume) mapfile -t COMPREPLY < <(compgen -W "$(_mirage_chains)" -- "$cur") ;;
        esac
    fi
}

complete -F _mirage mirage

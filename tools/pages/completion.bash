# What the value of an option, or an argument, may be: FILE is any file, DIR a folder, .npy a file of
# that ending; - is something else, and all other words are words.
_vitcod_offer() {
    local what file path ending folders='' any='' endings=() words=()
    for what; do
        case $what in
        FILE) any=1 folders=1 ;;
        DIR) folders=1 ;;
        .*) endings+=("$what") folders=1 ;;
        -) ;;
        *) words+=("$what") ;;
        esac
    done
    for what in "${words[@]}"; do
        [[ $what != "$current"* ]] || COMPREPLY+=("$what")
    done
    [[ $folders ]] || return
    compopt -o filenames 2>/dev/null
    while IFS= read -r file; do
        path=${file/#\~\//$HOME/}
        if [[ $any || -d $path ]]; then
            COMPREPLY+=("$file")
            continue
        fi
        for ending in "${endings[@]}"; do
            [[ ${file,,} != *"$ending" ]] || COMPREPLY+=("$file")
        done
    done < <(compgen -f -- "$current")
}

_vitcod() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local verb=${COMP_WORDS[1]} options='' arguments='' values='' i
    COMPREPLY=()
    # --option=value comes as three words
    [[ $current != = ]] || current=''
    [[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD - 2]}
    [[ ${COMP_WORDS[COMP_CWORD]} != = ]] || before=${COMP_WORDS[COMP_CWORD - 1]}
    if ((COMP_CWORD == 1)); then
        # shellcheck disable=SC2086 # names of verbs
        _vitcod_offer $_vitcod_verbs help --help --version --schema
        return
    fi
    case $verb in
    help | --schema)
        # shellcheck disable=SC2086
        ((COMP_CWORD > 2)) || _vitcod_offer $_vitcod_verbs
        return
        ;;
    esac
    declare -F "_vitcod_$verb" >/dev/null || return
    for ((i = 2; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} != -- ]] || before='' current=${current/#-/./-}
    done
    "_vitcod_$verb" "$before"
    # shellcheck disable=SC2086 # each of them is a word
    if [[ $values ]]; then
        _vitcod_offer $values
    elif [[ $current == -* ]]; then
        _vitcod_offer $options
    else
        _vitcod_offer $arguments
    fi
}
complete -F _vitcod vitcod

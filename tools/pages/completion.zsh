# What the value of an option, or an argument, may be: FILE is any file, DIR a folder, .npy a file of
# that ending; - is something else, and all other words are words.
_vitcod_offer() {
    local what
    local -a endings words_of_it
    for what; do
        case $what in
        FILE) _files ;;
        DIR) _files -/ ;;
        .*) endings+=("$what") ;;
        -) ;;
        *) words_of_it+=("$what") ;;
        esac
    done
    (($#words_of_it)) && compadd -- $words_of_it
    (($#endings)) && _files -g "(#i)*(${(j:|:)endings})(-.)"
}

_vitcod() {
    if ((CURRENT == 2)); then
        _describe verb _vitcod_verbs
        compadd -- help --help --version --schema
        return
    fi
    local verb=$words[2]
    case $verb in
    help | --schema) ((CURRENT == 3)) && _describe verb _vitcod_verbs ;;
    *)
        if (($+functions[_vitcod_$verb])); then
            ((CURRENT--))
            shift words
            _vitcod_$verb
        fi
        ;;
    esac
}

if [[ $funcstack[1] == _vitcod ]]; then _vitcod "$@"; else compdef _vitcod vitcod; fi

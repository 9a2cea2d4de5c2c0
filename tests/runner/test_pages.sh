#!/bin/sh
# Manual pages and completions, which are made of what the program says of its verbs.
# shellcheck source=tests/cli.sh
. tests/cli.sh
varying=everything

setup() {
    check "pages" 0 '' "$root/tools/pages/make.sh" "$vitcod" pages
    mkdir -p work/folder
    touch work/mask.npy work/MASK.NPY 'work/two words.npy' work/note.txt work/model.safetensors \
        work/chip.yaml
    mkdir tables options
    for verb in $(verbs); do
        "$vitcod" "$verb" --help=table >"tables/$verb"
        awk -F '\t' '$1 == "option" { print $2 }' "tables/$verb" >"options/$verb"
    done
}

verbs() { "$vitcod" --help | sed -n 's/^  \([a-z][a-z]*\)  *.*/\1/p'; }

# completed WORD...: what bash offers for the last word, a line each
completed() {
    bash -c '. pages/completions/vitcod.bash
        cd work || exit 1
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _vitcod
        printf "%s\n" "${COMPREPLY[@]}"' bash vitcod "$@" | LC_ALL=C sort
}

# offers NAME WANTED WORD...: exactly these, with spaces between
offers() {
    name=$1 wanted=$2
    shift 2
    completed "$@" >"$out"
    [ "$(tr '\n' ' ' <"$out")" = "$wanted " ] || failed "$name" "not '$wanted'"
}

case_bash() {
    command -v bash >/dev/null || skip "no bash"
    [ "$(verbs | wc -l)" -ge 19 ] || failed "verbs" "the list is short"
    offers "a verb" "polarize" po
    offers "verbs" "profile prune" pr
    offers "help" "eval" help ev
    offers "schema" "sweep" --schema sw
    for verb in $(verbs); do
        { echo --help; sed 's/^output$/&\n-o/;s/^[a-z]/--&/' "options/$verb"; } |
            LC_ALL=C sort >wanted
        completed "$verb" - >offered
        check "options of $verb" 0 '' diff wanted offered
    done
    offers "its beginning" "--keep-class-token" prune --ke
    offers "words" "numpy stable" prune --ties ''
    offers "words after =" "numpy" prune --ties = n
    offers "nothing after =" "numpy stable" prune --ties =
    offers "words of tables" "random ratio" prune --rule ra
    offers "chips" "sanger sanger-published" simulate --chip sa
    offers "a chip's file" "chip.yaml" simulate --chip ch
    offers "a file or a word" "folder model.safetensors none" eval --plan ''
    offers "arguments" "MASK.NPY folder mask.npy model.safetensors two words.npy" polarize ''
    offers "behind --" "" prune -- --ke
    offers "what nobody can list" "" prune --sparsity ''
    offers "a flag has no value" "MASK.NPY folder mask.npy two words.npy" prune --force ''
    offers "no verb" "" fly ''
}

# The words of a value are those that the program takes, and it takes no others.
case_words() {
    for verb in $(verbs); do
        awk -F '\t' '$1 == "option" && $3 ~ /^[a-z|0-9]+$/ { print $2, $3 }' "tables/$verb" >values
        while read -r option words; do
            for arguments in '' x 'x x'; do
                # shellcheck disable=SC2086 # none is none
                "$vitcod" "$verb" $arguments "--$option" nonsense
            done >said 2>&1
            IFS='|'
            for word in $words; do
                "$vitcod" "$verb" x "--$option" "$word"
            done >taken 2>&1
            unset IFS
            check "$verb takes those of --$option" 1 '' grep -E "'($words)'" taken
            # "a, b or c"
            words=$(echo "$words" | sed 's/|/, /g;s/\(.*\), /\1 or /')
            check "$verb --$option" 0 "^vitcod: --$option is 'nonsense', wanted $words\$" cat said
        done <values
    done
}

# lacking VERB 'WHAT: REGEX' <text: the verb's options without a line of theirs; %s is the option
lacking() {
    awk -v verb="$1" -v what="${2%%: *}" -v line="${2#*: }" '
        !text { options[$0] = 1; next }
        { for (o in options) if ($0 ~ sprintf(line, o)) delete options[o] }
        END { for (o in options) print what ": " verb " --" o }' "options/$1" text=1 -
}

case_other_shells() {
    check "zsh's is for it" 0 '^#compdef vitcod$' head -n 1 pages/completions/vitcod.zsh
    for verb in $(verbs); do
        sed -n "/^_vitcod_$verb()/,/^}/p" pages/completions/vitcod.zsh |
            lacking "$verb" 'zsh: --%s[=[]'
        lacking "$verb" "fish: '__vitcod_after $verb' -l %s " <pages/completions/vitcod.fish
    done >missing
    check "all options" 1 '' grep . missing
    for shell in zsh fish; do
        command -v "$shell" >/dev/null ||
            skip "whether zsh and fish read it: there is no $shell (Debian: zsh fish)"
        check "$shell reads it" 0 '' "$shell" -n "pages/completions/vitcod.$shell"
    done
    export HOME="$dir"
    fish() { command fish -c ". pages/completions/vitcod.fish; cd work; complete -C '$1'"; }
    check "fish: an option" 0 '^--ties' fish "vitcod prune --ti"
    check "fish: a word" 0 '^stable' fish "vitcod prune --ties s"
    check "fish: a file" 0 '^mask.npy' fish "vitcod polarize m"
    check "zsh: a verb" 0 'help eval' in_zsh "vitcod help ev" "help eval"
    check "zsh: an option" 0 'ties' in_zsh "vitcod prune --ti" "--ties"
    check "zsh: a word" 0 'stable' in_zsh "vitcod prune --ties=s" "=stable"
}

# in_zsh WORDS WANTED: types them and a tab, and waits for what is wanted
# shellcheck disable=SC2016 # what is quoted is zsh's
in_zsh() {
    mkdir -p functions
    cp pages/completions/vitcod.zsh functions/_vitcod
    timeout 60 zsh -fc 'zmodload zsh/zpty
        zpty shell zsh -fi
        zpty -w shell "fpath=($PWD/functions \$fpath); autoload -U compinit; compinit -u -D
            print LOA""DED"
        zpty -r -m shell said "*LOADED*"
        zpty -w -n shell "$1"$'"'\t'"'
        zpty -r -m shell said "*$2*"
        print -r -- "$said"
        zpty -d shell' zsh "$1" "$2"
}

case_manual() {
    printf '%s\n' NAME SYNOPSIS DESCRIPTION OPTIONS RESULT EXAMPLES 'SEE ALSO' >wanted
    for verb in $(verbs); do
        page=pages/man/vitcod-$verb.1
        check "the overview names $verb" 0 '' grep -q "vitcod.-$verb (1)" pages/man/vitcod.1
        sed -n 's/^\.SH \(NOTES\)*//p' "$page" >parts
        check "$verb: its parts" 0 '' diff -B wanted parts
        sed 's/\\-/-/g' "$page" | lacking "$verb" 'page: ^.fB.*--%s.fR' >missing
        check "$verb: all options" 1 '' grep . missing
    done
    # prose names options that there are
    for prose in "$root"/docs/man/*.roff; do
        verb=$(basename "$prose" .roff)
        check "$verb is a verb" 0 '' test -f "pages/man/vitcod-$verb.1"
        sort "options/$verb" >have
        sed 's/\\-/-/g' "$prose" | grep -o -- '--[a-z][a-z-]*' | sed 's/^--//' | sort -u >named
        check "options in the prose of $verb" 1 '' sh -c 'comm -13 have named | grep .'
    done
    sed -n 's/^\.TH [^ ]* 1 "\([0-9-]*\)".*/\1/p' pages/man/*.1 | sort | uniq -c >dates
    check "all of one date" 0 "^ *$(($(verbs | wc -l) + 1)) 20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]$" \
        cat dates
    command -v man >/dev/null || skip "how they look: there is no man (Debian: man-db)"
    man --warnings=w -l pages/man/*.1 >/dev/null 2>warned
    # one by one only where something is wrong, as each takes long
    [ -s warned ] || return 0
    for page in pages/man/*.1; do
        check "$page" 0 '' sh -c "man --warnings=w -l $page 2>&1 >/dev/null | head -n 3 >warned
            ! grep . warned"
    done
}

run_cases

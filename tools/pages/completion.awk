# What each verb of the program takes, as a shell's completion wants it, from `--help=table` of all
# verbs.
# usage: awk -v shell=bash|zsh|fish -v version=X -f completion.awk TABLE...
BEGIN {
    FS = "\t"
    endings["MODEL"] = endings["CHECKPOINT"] = "safetensors pth pt bin json"
    endings["PLAN"] = "safetensors"
    endings["MASK"] = endings["MAPS"] = "npy"
    endings["IMAGE"] = "jpg jpeg png webp gif bmp tif tiff"
    of_any["FILE"] = of_any["PATH"] = of_any["IMAGES"] = 1
    of_folders["DIR"] = of_folders["FOLDER"] = of_folders["RUN"] = 1
    if (shell == "zsh")
        print "#compdef vitcod"
    print "# vitcod " version ", made from what its verbs say of their options"
}

function dotted(list) {
    gsub(/ /, " .", list)
    return list == "" ? "" : " ." list
}

# What stands for something else than a word: FILE is any file, DIR a folder, .npy files of that
# ending.
function offer_of(name) {
    sub(/\.*$/, "", name)
    if (name in endings)
        return dotted(endings[name])
    if (name in of_any)
        return " FILE"
    if (name in of_folders)
        return " DIR"
    return match(name, /\.[a-z]+$/) ? " " substr(name, RSTART) : ""
}

# A value's words, and files; - for what nobody can list.
function offers(value, files, words,   parts, count, i, all) {
    count = split(value, parts, "|")
    all = words == "" ? "" : " " words
    for (i = 1; i <= count; i++)
        if (parts[i] ~ /^[a-z]/)
            all = all " " parts[i]
        else if (files == "")
            all = all offer_of(parts[i])
    all = all dotted(files)
    return all == "" ? "-" : substr(all, 2)
}

# A list and what another has beyond it.
function joined(list, more,   words, count, i) {
    count = split(more, words, " ")
    for (i = 1; i <= count; i++)
        if (index(list " ", " " words[i] " ") == 0)
            list = list " " words[i]
    return list
}

# What stands on its own in a line of arguments, where words after an option are its value.
function arguments_of(line,   words, count, i, all, of_option) {
    gsub(/\|/, " | ", line)
    gsub(/[\[\]]/, " ", line)
    count = split(line, words, " ")
    for (i = 1; i <= count; i++) {
        if (words[i] != "|" && words[i] !~ /^-/ && !of_option)
            all = joined(all, offer_of(words[i]))
        of_option = words[i] ~ /^-/ && words[i + 1] != "|"
    }
    return all == "" ? "-" : substr(all, 2)
}

function escaped(text, letters, quote) {
    gsub(letters, "\\\\&", text)
    gsub(/'/, quote, text)
    return text
}

# ---- a verb

function print_bash(   i) {
    print "_vitcod_" verb "() {\n    arguments='" arguments "'"
    printf "    options='--help"
    for (i = 1; i <= count; i++)
        printf "%s --%s", name[i] == "output" ? " -o" : "", name[i]
    print "'\n    case $1 in"
    for (i = 1; i <= count; i++)
        if (value[i] != "")
            print "    " (name[i] == "output" ? "-o | " : "") "--" name[i] ") values='" offer[i] \
                "' ;;"
    print "    esac\n}"
}

function print_zsh_option(i, dashed,   before) {
    before = name[i] == "output" ? "(-o --output)" : repeated[i] ? "*" : ""
    printf "        '%s%s[%s]", before, dashed, escaped(meaning[i], "[\\[\\]:\\\\]", "'\\''")
    if (value[i] != "")
        printf ":%s: _vitcod_offer %s", value[i], offer[i]
    print "' \\"
}

function print_zsh(   i) {
    print "_vitcod_" verb "() {\n    _arguments -S '(- *)--help[what it does]' \\"
    for (i = 1; i <= count; i++) {
        if (name[i] == "output")
            print_zsh_option(i, "-o")
        print_zsh_option(i, "--" name[i] (value[i] == "" ? "" : "="))
    }
    print "        '*:argument: _vitcod_offer " arguments "'\n}"
}

function fish_values(offered,   words, count, i, plain, files, any, folders) {
    count = split(offered, words, " ")
    for (i = 1; i <= count; i++) {
        any = any || words[i] == "FILE"
        folders = folders || words[i] == "DIR"
        if (words[i] ~ /^[a-z0-9]/)
            plain = plain " " words[i]
        if (words[i] ~ /^\./)
            files = files " " words[i]
    }
    if (files != "")
        plain = plain " (__vitcod_files" files ")"
    if (folders)
        plain = plain " (__fish_complete_directories)"
    return (any ? " -F" : " -f") (plain == "" ? "" : " -a '" substr(plain, 2) "'")
}

function print_fish(   i, line) {
    print "complete -c vitcod -n __vitcod_first -a " verb " -d '" \
        escaped(summary, "[\\\\]", "\\'") "'"
    print "complete -c vitcod -n '__vitcod_after " verb "'" fish_values(arguments)
    for (i = 1; i <= count; i++) {
        line = "complete -c vitcod -n '__vitcod_after " verb "' -l " name[i]
        if (name[i] == "output")
            line = line " -s o"
        if (value[i] != "")
            line = line " -r" fish_values(offer[i])
        print line " -d '" escaped(meaning[i], "[\\\\]", "\\'") "'"
    }
}

function end_verb() {
    if (verb == "")
        return
    if (shell == "bash")
        print_bash()
    else if (shell == "zsh")
        print_zsh()
    else
        print_fish()
}

$1 == "verb" {
    end_verb()
    verb = $2
    summary = $3
    verbs = verbs " " verb
    described = described "\n    '" verb ":" escaped(summary, "[:]", "'\\''") "'"
    count = 0
}
$1 == "arguments" { arguments = arguments_of($2) }
$1 == "option" {
    name[++count] = $2
    value[count] = $3
    repeated[count] = $5 != ""
    meaning[count] = $7
    offer[count] = offers($3, $4, $8)
}
END {
    end_verb()
    if (shell == "bash")
        print "_vitcod_verbs='" substr(verbs, 2) "'"
    if (shell == "zsh")
        print "_vitcod_verbs=(" described "\n)"
    if (shell == "fish")
        print "function __vitcod_verbs\n    string split ' ' '" substr(verbs, 2) "'\nend"
}

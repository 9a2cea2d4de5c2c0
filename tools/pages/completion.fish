function __vitcod_first
    test (count (commandline -opc)) -eq 1
end

# __vitcod_after WORD: it comes first, as a verb does
function __vitcod_after
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

# __vitcod_files ENDING..: those files first
function __vitcod_files
    for ending in $argv
        __fish_complete_suffix $ending
    end
end

complete -c vitcod -f
complete -c vitcod -n __vitcod_first -a help -d 'what a verb does'
complete -c vitcod -n __vitcod_first -l help -d 'the verbs'
complete -c vitcod -n __vitcod_first -l version
complete -c vitcod -n __vitcod_first -l schema -d 'the JSON that a verb prints'
complete -c vitcod -n '__vitcod_after help' -a '(__vitcod_verbs)'
complete -c vitcod -n '__vitcod_after --schema' -a '(__vitcod_verbs)'

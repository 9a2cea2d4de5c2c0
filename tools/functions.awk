# The functions of C sources laid out by clang-format. For each it prints a line: the file, the line
# it begins at, its name, its lines from the signature to the closing brace, and its parameters.
#
# It relies on the layout: whatever belongs to a function is indented, but for its signature and its
# two braces, each of which stands alone at the beginning of a line.

function parameters_of(text, i, letter, depth, count)
{
    sub(/^[^(]*\(/, "", text)
    if (text ~ /^(void)?[ ]*\)/)
        return 0
    count = 1
    depth = 0
    for (i = 1; i <= length(text); i++) {
        letter = substr(text, i, 1)
        if (letter == "(" || letter == "[")
            depth++
        else if (letter == "]")
            depth--
        else if (letter == ")" && depth-- == 0)
            break
        else if (letter == "," && depth == 0)
            count++
    }
    return count
}

function name_of(text)
{
    sub(/\(.*/, "", text)
    sub(/^.*[ *]/, "", text)
    return text
}

FNR == 1 { signature = ""; inside = 0 }

inside {
    if ($0 ~ /^}/) {
        print FILENAME, first, name_of(signature), FNR - first + 1, parameters_of(signature)
        inside = 0
        signature = ""
    }
    next
}

/^{/ && signature ~ /\)[ ]*$/ { inside = 1; next }

# Nothing of a signature: an empty line, a directive, a comment, the end of another declaration.
/^[ \t]*$/ || /^#/ || /^\/\*/ || /^ \*/ || /^}/ || /;[ \t]*(\/\*.*)?$/ { signature = ""; next }

{
    if (signature == "")
        first = FNR
    line = $0
    gsub(/\/\*[^*]*\*\//, "", line)
    sub(/^[ \t]+/, "", line)
    signature = signature (signature == "" ? "" : " ") line
}

# The manual page of a verb, from its `--help=table` and a file of further paragraphs in roff.
# usage: awk -v version=X -v date=YYYY-MM-DD -v more=PROSE -f manual.awk TABLE PROSE
BEGIN { FS = "\t" }

function roff(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    if (text ~ /^[.']/)
        text = "\\&" text
    return text
}

function heading(text) {
    if (text != section)
        print ".SH " text
    section = text
}

FILENAME == more { prose = prose $0 "\n"; next }

$1 == "verb" {
    verb = $2
    print ".TH VITCOD\\-" toupper(verb) " 1 \"" date "\" \"vitcod " version "\" \"User Commands\""
    heading("NAME")
    print "vitcod\\-" verb " \\- " roff($3)
}
$1 == "arguments" {
    heading("SYNOPSIS")
    print ".B vitcod " verb
    print roff($2)
}
$1 == "details" {
    heading("DESCRIPTION")
    print roff($2)
}
$1 == "option" {
    heading("OPTIONS")
    text = $7 ($6 == "" ? "" : " (default " $6 ")")
    print ".TP"
    print "\\fB" ($2 == "output" ? "\\-o\\fR, \\fB" : "") "\\-\\-" roff($2) "\\fR" \
        ($3 == "" ? "" : " \\fI" roff($3) "\\fR")
    print roff(text)
}
$1 == "result" {
    if (section != "RESULT") {
        heading("RESULT")
        print "With \\fB\\-\\-json\\fR one object, of which \\fBvitcod \\-\\-schema " verb \
            "\\fR prints the schema. Beside what all verbs say (verb, command line, version, " \
            "machine, date, seed, model) it has"
    }
    print ".TP"
    print "\\fB" roff($2) "\\fR" ($3 == "" ? "" : " (" roff($3) ")")
    print $4 == "" ? "\\&" : roff($4)
}
$1 == "example" { examples = examples roff($2) "\n" }

END {
    if (prose != "")
        printf ".SH NOTES\n%s", prose
    printf ".SH EXAMPLES\n.EX\n%s.EE\n", examples
    print ".SH SEE ALSO"
    print ".BR vitcod (1),"
    print "which says what verbs have in common: files, models, images, the exit status."
}

#!/bin/sh
# Rooms may open the doors of the rooms that src/rooms.txt says they need, and nothing else.
set -eu
cd "$(dirname "$0")/.."
rooms=src/rooms.txt

# Folders that are no room.
folders=$(for folder in src/*/; do basename "$folder"; done | grep -vx cli)
missing=$(for folder in $folders; do
    grep -qx "room $folder" $rooms || echo "src/$folder: not in $rooms"
done)

# Rooms first, then the includes of every source and every door.
# shellcheck disable=SC2046 # names without spaces
found=$(awk '
    function wrong(text) { print text }
    function exists(path,    line, there) {
        there = (getline line <path) >= 0
        close(path)
        return there
    }

    FILENAME ~ /rooms\.txt$/ {
        if (/^#/ || NF == 0) next
        if ($1 == "room" && NF == 2) {
            room = $2
            if (room in stands) wrong(FILENAME ": room " room " stands twice")
            stands[room]
            may_open[room, room]
            if (system("test -d src/" room)) wrong(FILENAME ": no folder src/" room)
        } else if ($1 == "needs" || $1 == "doors" || $1 == "tests") {
            for (i = 2; i <= NF; i++) {
                if ($1 == "doors") {
                    if ($i in owner) wrong(FILENAME ": door " $i " belongs to two rooms")
                    owner[$i] = room
                    if (!exists("include/vitcod/" $i ".h"))
                        wrong(FILENAME ": no include/vitcod/" $i ".h")
                } else if ($1 == "needs") {
                    if (!($i in stands) || $i == room)
                        wrong(FILENAME ": " room " needs " $i ", which is not above it")
                    may_open[room, $i]
                }
            }
        } else wrong(FILENAME ":" FNR ": not understood: " $0)
        next
    }

    FNR == 1 {
        folder = FILENAME
        sub(/[^\/]*$/, "", folder)
        split(FILENAME, part, "/")
        room = part[2]
        if (FILENAME ~ /^include/) {
            door = part[3]
            sub(/\..*/, "", door)
            room = door in owner ? owner[door] : ""
            # the table of contents belongs to nobody
            if (room == "" && door != "vitcod") wrong(FILENAME ": of no room in src/rooms.txt")
        }
    }
    !/^[ \t]*#[ \t]*include[ \t]*["<]/ || FILENAME == "include/vitcod/vitcod.h" { next }
    {
        name = $0
        sub(/^[^"<]*["<]/, "", name)
        sub(/[">].*/, "", name)
    }
    name ~ /^vitcod\// {
        sub(/^vitcod\//, "", name)
        sub(/\..*/, "", name)
        if (!(name in owner) || (room != "cli" && !((room, owner[name]) in may_open)))
            wrong(FILENAME ": room " room " opens vitcod/" name ".h of room " \
                (name in owner ? owner[name] : "unknown"))
        next
    }
    !/"/ { next }
    name ~ /\.\.\// { wrong(FILENAME ": includes " name ", out of its folder"); next }
    !exists(folder name) && !exists("src/" room "/" name) {
        wrong(FILENAME ": includes " name ", which is not of its room")
    }
' $rooms include/vitcod/*.h include/vitcod/*.def $(find src -name '*.[ch]' | sort))

echo 1..1
[ -z "$missing$found" ] || { echo "$missing$found"; echo "not ok layering"; exit 1; }
echo "ok layering"

#!/bin/sh
# Rooms may open the doors of the rooms that src/rooms.txt says they need, and nothing else.
set -eu
cd "$(dirname "$0")/.."
list=src/rooms.txt
bad=0
echo 1..1

wrong() {
    echo "$1"
    bad=1
}

# words KIND [ROOM]: the words of the lines of that kind, of one room or of all
words() {
    awk -v kind="$1" -v wanted="${2-}" '
        $1 == "room" { room = $2 }
        $1 == kind && (wanted == "" || room == wanted) {
            for (i = 2; i <= NF && $i !~ /^#/; i++) print $i
        }' "$list"
}

owners=$(awk '
    $1 == "room" { room = $2 }
    $1 == "doors" { for (i = 2; i <= NF; i++) print $i, room }' "$list")
owner_of() {
    echo "$owners" | awk -v door="$1" '$1 == door { print $2 }'
}

# The list itself: rooms have a folder, need only rooms above them; every door belongs to one room.
bad_lines=$(awk '
    /^#/ || NF == 0 { next }
    $1 == "room" && NF == 2 {
        room = $2
        if (seen[room]++) print "room", room, "stands twice"
        next
    }
    $1 == "needs" { for (i = 2; i <= NF; i++)
        if (!seen[$i] || $i == room) print "room", room, "needs", $i ", which is not above it"
        next }
    $1 == "doors" { for (i = 2; i <= NF; i++)
        if (door[$i]++) print "door", $i, "belongs to two rooms"
        next }
    $1 == "tests" { next }
    { print "line not understood:", $0 }' "$list")
[ -z "$bad_lines" ] || wrong "$list: $bad_lines"
for room in $(words room); do
    [ -d "src/$room" ] || wrong "$list: room '$room' has no folder src/$room"
done
for folder in src/*/; do
    room=$(basename "$folder")
    [ "$room" = cli ] || words room | grep -qx "$room" || wrong "src/$room: not in $list"
done
for door in $(words doors); do
    [ -f "include/vitcod/$door.h" ] || wrong "$list: door '$door' has no include/vitcod/$door.h"
done
for header in include/vitcod/*.h; do
    door=$(basename "$header" .h)
    # the table of contents belongs to nobody
    [ "$door" = vitcod ] || [ -n "$(owner_of "$door")" ] || wrong "$header: of no room in $list"
done

include='s/^[[:space:]]*#[[:space:]]*include ["<]\([^">]*\)[">].*/\1/p'

# allowed ROOM: the rooms whose doors it may open, between spaces
allowed() {
    if [ "$1" = cli ]; then words room; else words needs "$1" && echo "$1"; fi | tr '\n' ' '
}

# check_doors FILE ROOM ALLOWED
check_doors() {
    file=$1 room=$2 allowed=$3
    # shellcheck disable=SC2013 # names without spaces
    for door in $(sed -n "$include" "$file" | sed -n 's/^vitcod\/\([a-z_0-9]*\)\..*/\1/p'); do
        owner=$(owner_of "$door")
        case " $allowed " in
        *" $owner "*) ;;
        *) wrong "$file: room '$room' opens vitcod/$door.h of room '${owner:-unknown}'" ;;
        esac
    done
}

# check_private FILE ROOM: headers in quotes that are no doors
check_private() {
    file=$1 room=$2
    # shellcheck disable=SC2013 # names without spaces
    for private in $(grep '^[[:space:]]*#[[:space:]]*include "' "$file" | sed -n "$include" |
        grep -v '^vitcod/'); do
        case $private in
        *../*) wrong "$file: includes '$private', out of its folder" ;;
        esac
        [ -f "src/$room/$private" ] || [ -f "$(dirname "$file")/$private" ] ||
            wrong "$file: includes '$private', which is not of its room"
    done
}
for room in $(words room) cli; do
    rooms=$(allowed "$room")
    # shellcheck disable=SC2044 # names without spaces
    for file in $(find "src/$room" -name '*.[ch]' | sort); do
        check_doors "$file" "$room" "$rooms"
        check_private "$file" "$room"
    done
    for door in $(words doors "$room"); do
        check_doors "include/vitcod/$door.h" "$room" "$rooms"
    done
done
if [ "$bad" -eq 0 ]; then echo "ok layering"; else echo "not ok layering"; fi
exit "$bad"

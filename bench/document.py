"""Tables that programs write into a document, each between two marks of its own."""

import sys


def parts_around(path, begin, end):
    """What stands before and after the marks, which the document must have once each; else the
    program ends."""
    with open(path, encoding="utf-8") as file:
        page = file.read()
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        sys.exit(f"{path}: has no place for the table, wanted {begin!r} and then {end!r} once each")
    return page.split(begin)[0], page.split(end)[1]


def write_between(path, begin, end, text):
    before, after = parts_around(path, begin, end)
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + begin + text + end + after)

"""The program: `vitcod VERB ..`, as a script of the package."""

import os
import sys


def main() -> None:
    from .processes import PATH

    os.execv(PATH, ["vitcod", *sys.argv[1:]])


if __name__ == "__main__":
    main()

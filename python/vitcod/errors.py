"""What fails, as exceptions. The message is the library's sentence: it names the file and the
thing, what was found and what was wanted."""

from __future__ import annotations


class Error(Exception):
    """Something outside went wrong: a file, memory, input. The subclasses are the library's
    statuses."""


class FileError(Error, OSError):
    """The operating system refused a file operation."""


class FormatError(Error, ValueError):
    """A file or input is not in the expected format."""


class InvalidError(Error, ValueError):
    """A value is outside its allowed range, or two inputs do not fit together."""


class UnsupportedError(Error, NotImplementedError):
    """This machine or build lacks what was asked for."""


class OutOfMemory(Error, MemoryError):
    """Out of memory."""


class InterruptedWork(Error):
    """The work was stopped from outside."""


class UsageError(Error, ValueError):
    """Options that the program does not know, or that exclude each other."""


class VitcodWarning(UserWarning):
    """What the program said on stderr although it succeeded, as names of broken images."""


OF_STATUS = {
    "ENOMEM": OutOfMemory,
    "EIO": FileError,
    "EFORMAT": FormatError,
    "EINVAL": InvalidError,
    "EUNSUPPORTED": UnsupportedError,
    "EINTR": InterruptedWork,
}

"""The project's own exceptions.

Whatever a user can cause (a missing file, a bad label, a corrupt model folder)
is raised as an :class:`ExplainableSegError` whose message is one line: what was
expected, what was found, in which file, and what to do about it. The command
line prints that line and exits with code 2.
"""

import os
import re

# What moves the cursor, ends a line, or turns the direction of writing.
UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


class ExplainableSegError(Exception):
    """Base class of every error that a user can cause and can put right."""


class DiskFullError(ExplainableSegError):
    """No room is left to write in: what follows would fail as well."""


class AudioError(ExplainableSegError):
    """An audio file or array that cannot be read or is too short."""


class AnnotationError(ExplainableSegError):
    """An annotation file that breaks its format or its label vocabulary."""


class ManifestError(ExplainableSegError):
    """A manifest with a missing column, a bad value or a missing file."""


class CorpusError(ExplainableSegError):
    """A corpus folder that does not look as its preparation expects."""


class ModelError(ExplainableSegError):
    """A model folder with a missing, corrupt or inconsistent file."""


def printable(text: str) -> str:
    """Text as one line that a terminal and a UTF-8 file take as it is.

    Line ends become blanks. Control characters, and bytes of file names that
    are no UTF-8, are shown as ``\\x..``, whatever the locale.

    Example
    -------
    >>> printable("two\\nlines, \\x1b[31mred, b\\udce9.wav")
    'two lines, \\\\x1b[31mred, b\\\\xe9.wav'
    """
    data = " ".join(text.splitlines()).encode("utf-8", "surrogateescape")
    return escape_controls(data.decode("utf-8", "backslashreplace"))


def escape_controls(text: str) -> str:
    """Text with its control characters as ``\\x..``, a byte each."""
    return UNPRINTABLE.sub(
        lambda found: "".join(f"\\x{byte:02x}" for byte in found[0].encode()),
        text,
    )


def escaped(name: str) -> str:
    """Name of a file as one line of plain UTF-8, different for each name.

    Backslashes, control characters, and bytes that are no UTF-8 are written
    as ``\\\\`` and ``\\x..``; the locale does not matter.

    Example
    -------
    >>> escaped("b\\udce9.wav"), unescaped(escaped("b\\udce9.wav"))
    ('b\\\\xe9.wav', 'b\\udce9.wav')
    """
    data = name.encode("utf-8", "surrogateescape").replace(b"\\", rb"\\")
    return escape_controls(data.decode("utf-8", "backslashreplace"))


def unescaped(text: str) -> str:
    """Name of a file, of what :func:`escaped` has made of it."""
    data = re.sub(
        rb"\\(\\|x[0-9a-f]{2})",
        lambda found: (
            found[1] if found[1] == b"\\" else bytes([int(found[1][1:], 16)])
        ),
        text.encode("utf-8"),
    )
    return os.fsdecode(data)


class SettingsError(ExplainableSegError, ValueError):
    """An argument that settings give, and that cannot have such a value."""


def first_line(error: BaseException) -> str:
    """First line of a message that may have several.

    Example
    -------
    >>> first_line(ValueError("no such atom"))
    'no such atom'
    """
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

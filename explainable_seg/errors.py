"""The project's own exceptions.

Whatever a user can cause (a missing file, a bad label, a corrupt model folder)
is raised as an :class:`ExplainableSegError` whose message is one line: what was
expected, what was found, in which file, and what to do about it. The command
line prints that line and exits with code 2.
"""


class ExplainableSegError(Exception):
    """Base class of every error that a user can cause and can put right."""


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

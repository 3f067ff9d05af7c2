"""The four classes: their order, their spellings, what one says of another.

Every tensor with a class axis follows the order of :data:`CLASSES`. Targets
have a column for each of them, what a model says one for each class that it
was trained for.
"""

from collections.abc import Iterable, Sequence

from explainable_seg.errors import AnnotationError, ExplainableSegError

CLASSES: tuple[str, ...] = ("speech", "music", "noise", "overlap")
"""The four classes, in the order of every class axis."""

SOURCES: tuple[str, ...] = ("speech", "music", "noise")
"""What sounds are made of; overlap is speech twice."""

SHORT_LABELS: dict[str, str] = {
    "sp": "speech",
    "mu": "music",
    "no": "noise",
    "ov": "overlap",
}
"""The class of each two-letter spelling."""

KNOWN_LABELS: dict[str, str] = {**{c: c for c in CLASSES}, **SHORT_LABELS}
"""The class of each spelling, full or of two letters."""


def parse_class(label: str, where: str = "the argument") -> str:
    """Full name of a class, from its full or its two-letter spelling.

    Arguments
    ---------
    label : str
        ``speech``, ``music``, ``noise``, ``overlap`` or ``sp mu no ov``.
    where : str
        What the message names as the place, for instance ``show.rttm:12``.

    Returns
    -------
    str
        One of :data:`CLASSES`.

    Raises
    ------
    AnnotationError
        If the label is none of the known spellings.

    Example
    -------
    >>> parse_class("ov")
    'overlap'
    """
    try:
        return KNOWN_LABELS[label]
    except KeyError:
        known = " ".join(KNOWN_LABELS)
        raise AnnotationError(
            f"expected a class among {known}, got '{label}', in {where}"
        ) from None


def implies(name: str, other: str) -> bool:
    """Whether a class is heard only where another one is: overlap is speech.

    Arguments
    ---------
    name : str
        One of :data:`CLASSES`.
    other : str
        Another, or the same.

    Returns
    -------
    bool
        True also of a class and itself.

    Example
    -------
    >>> implies("overlap", "speech"), implies("speech", "overlap")
    (True, False)
    """
    return name == other or (name, other) == ("overlap", "speech")


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Some of the classes, in the order in which a model has them.

    Arguments
    ---------
    names : Iterable[str]
        Full names of classes, in any order.

    Returns
    -------
    tuple[str, ...]
        In the order of :data:`CLASSES`.

    Raises
    ------
    ValueError
        If there is none, one is there twice, or one is no class.

    Example
    -------
    >>> class_order(["music", "speech"])
    ('speech', 'music')
    """
    given = list(names)
    ordered = tuple(name for name in CLASSES if name in given)
    if not given or len(ordered) != len(given):
        raise ValueError(
            f"expected one or more of {', '.join(CLASSES)}, each once, got "
            f"{given}"
        )
    return ordered


def class_index(name: str, classes: Sequence[str]) -> int:
    """Column of a class in what a model says.

    Arguments
    ---------
    name : str
        A class, in either spelling.
    classes : Sequence[str]
        Those that the model was trained for.

    Returns
    -------
    int

    Raises
    ------
    ExplainableSegError
        If the model was not trained for this class, or it is none.

    Example
    -------
    >>> class_index("mu", ("speech", "music"))
    1
    """
    label = KNOWN_LABELS.get(name, name)
    if label not in classes:
        raise ExplainableSegError(
            f"expected a class among {', '.join(classes)}, which this model "
            f"was trained for, got '{name}'; name one of them"
        )
    return list(classes).index(label)


def class_columns(classes: Sequence[str]) -> list[int]:
    """Columns of a model's classes in targets [..., 4].

    Example
    -------
    >>> class_columns(("speech", "noise"))
    [0, 2]
    """
    return [CLASSES.index(name) for name in classes]

"""The four classes: their order, their spellings, what one says of another.

Every tensor with a class axis follows the order of :data:`CLASSES`.
"""

from explainable_seg.errors import AnnotationError

CLASSES: tuple[str, ...] = ("speech", "music", "noise", "overlap")

SHORT_LABELS: dict[str, str] = {
    "sp": "speech",
    "mu": "music",
    "no": "noise",
    "ov": "overlap",
}

KNOWN_LABELS: dict[str, str] = {**{c: c for c in CLASSES}, **SHORT_LABELS}


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

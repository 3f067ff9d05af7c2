"""Random streams that do not depend on each other, whatever their seeds."""

import numpy as np

# Each purpose has a place here, which stays: another one gives other chunks.
PURPOSES = (
    "source",  # recorded or composed
    "composition",  # what a chunk is
    "order",  # which chunk of a cache comes next
    "augmentation",  # its level and tone, new each time
    "fixed augmentation",  # the same, once for each chunk
    "cached order",  # which chunk of a feature cache comes next
)


def stream(purpose: str, seed: int, number: int) -> np.random.Generator:
    """Generator of one purpose, for one item.

    Two seeds of a training may be equal, as that of the chunks and that of
    their order; what is drawn for another purpose is independent all the same.

    Arguments
    ---------
    purpose : str
        One of :data:`PURPOSES`.
    seed : int
        Not negative.
    number : int
        Of the item, not negative.

    Returns
    -------
    np.random.Generator

    Raises
    ------
    ValueError
        If there is no such purpose.

    Example
    -------
    >>> a, b = stream("order", 0, 7), stream("augmentation", 0, 7)
    >>> bool(a.random() == b.random())
    False
    """
    if purpose not in PURPOSES:
        raise ValueError(f"expected one of {PURPOSES}, got '{purpose}'")
    # As a spawn key, whose parts count one by one: [seed, 0] would be [seed].
    key = (PURPOSES.index(purpose), number)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))

"""Short texts of results that hold arrays: what they are, not all they hold."""

import dataclasses
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

MOST_ITEMS = 3  # of a sequence or a mapping that are written out


class Brief:
    """A dataclass whose ``repr`` is one line; declare it with ``repr=False``.

    Arrays and tensors are given by type and shape, long sequences and
    mappings by their beginning.

    Example
    -------
    >>> import numpy as np
    >>> @dataclasses.dataclass(repr=False)
    ... class Sound(Brief):
    ...     name: str
    ...     samples: np.ndarray
    >>> Sound("a.wav", np.zeros((2, 16000), dtype=np.float32))
    Sound(name='a.wav', samples=float32[2, 16000])
    """

    def __repr__(self) -> str:
        """The fields in brief."""
        fields = (
            f"{field.name}={_brief(getattr(self, field.name))}"
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
            if field.repr
        )
        return f"{type(self).__name__}({', '.join(fields)})"


def _brief(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, Brief):
        return f"<{type(value).__name__}>"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        kind = str(value.dtype).removeprefix("torch.")
        return f"{kind}{list(value.shape)}"
    if isinstance(value, str):
        return reprlib.repr(value) if len(value) > 200 else repr(value)
    if isinstance(value, Mapping):
        items = [f"{k!r}: {_brief(v)}" for k, v in value.items()]
        return f"{{{', '.join(_first(items, 2 * MOST_ITEMS))}}}"
    if isinstance(value, Sequence):
        items = [_brief(item) for item in value[:MOST_ITEMS]]
        items += [f"... {len(value)} in all"] * (len(value) > MOST_ITEMS)
        return f"[{', '.join(items)}]"
    return repr(value)


def _first(items: list[str], most: int) -> list[str]:
    """The first items, and how many there are if not all."""
    if len(items) <= most:
        return items
    return [*items[:most], f"... {len(items)} in all"]

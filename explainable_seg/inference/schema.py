"""What a value of a settings file may be: types, ranges, closed sets of keys.

Small rules, put together to the schema of a file. A rule either takes a value
or raises :class:`Misfit`, which says what was expected where.
"""

import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

LONGEST_TEXT = 100_000  # characters of a note
LARGEST_NOTE = 2.0**63  # of a number in a note
LONGEST_NAME = 60  # characters of a key in a message
LONGEST_REPR = 200  # characters of a value in a message
MOST_NAMES = 64  # entries of a mapping whose keys are free


class Misfit(ValueError):
    """A value that its rule does not take.

    Arguments
    ---------
    expected : str
        What the rule takes, in words.
    name : str
        Where the value stands: keys with dots between them; empty for all.
    got : Any
        The value.
    """

    def __init__(self, expected: str, name: str, got: Any):
        place = f" as '{name}'" if name else ""
        super().__init__(f"expected {expected}{place}, got {_short(got)}")


def _short(value: Any) -> str:
    """A value in few characters, on one line."""
    try:
        return reprlib.repr(value)[:LONGEST_REPR]
    except ValueError:  # an integer of thousands of digits
        return "a number of thousands of digits"


def within(name: str, key: str) -> str:
    """Name of an entry of an object.

    Example
    -------
    >>> within("min_on", "music"), within("", "window")
    ('min_on.music', 'window')
    """
    key = key[:LONGEST_NAME]
    return f"{name}.{key}" if name else key


class Rule(Protocol):
    """What takes some values and no others."""

    def check(self, value: Any, name: str) -> None:
        """Raise :class:`Misfit` unless the value fits.

        Arguments
        ---------
        value : Any
            What JSON gave.
        name : str
            Its key, for the message.
        """


@dataclass(frozen=True)
class Number:
    """A number in a range, both ends with it.

    Example
    -------
    >>> Number(0, 1).check(0.5, "share")
    >>> Number(1, 8, whole=True).check(2.5, "count")
    Traceback (most recent call last):
    ...
    explainable_seg.inference.schema.Misfit: expected a whole number from 1 \
to 8 as 'count', got 2.5
    """

    low: float
    high: float
    whole: bool = False

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is such a number."""
        kinds = int if self.whole else (int, float)
        # Compared as it is: an integer may be too long for a float.
        if (
            isinstance(value, bool)
            or not isinstance(value, kinds)
            or not self.low <= value <= self.high
        ):
            kind = "a whole number" if self.whole else "a number"
            wanted = f"{kind} from {self.low:g} to {self.high:g}"
            if self.high == math.inf:
                wanted = f"{kind} of {self.low:g} or more"
            raise Misfit(wanted, name, value)


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is one of them, and of its type."""
        if not any(
            type(value) is type(one) and value == one for one in self.values
        ):
            known = " or ".join(map(str, self.values))
            raise Misfit(known, name, value)


FLAG = Choice((True, False))


class Anything:
    """Any value: of what is checked elsewhere."""

    def check(self, value: Any, name: str) -> None:
        """Take it."""


ANYTHING = Anything()


@dataclass(frozen=True)
class Text:
    """Text that is not empty."""

    longest: int = 1000

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is such a text."""
        if not isinstance(value, str) or not 0 < len(value) <= self.longest:
            wanted = f"a text of up to {self.longest} characters"
            raise Misfit(wanted, name, value)


@dataclass(frozen=True)
class ListOf:
    """Values of one kind, in a list."""

    item: Rule
    longest: int

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is a list of them."""
        if not isinstance(value, list) or not 0 < len(value) <= self.longest:
            raise Misfit(f"a list of up to {self.longest}", name, value)
        for one in value:
            self.item.check(one, name)


@dataclass(frozen=True)
class Maybe:
    """A value, or null."""

    item: Rule

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is null, or fits."""
        if value is not None:
            self.item.check(value, name)


@dataclass(frozen=True)
class Named:
    """Values of one kind, by names that are free."""

    item: Rule

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is an object of them."""
        if not isinstance(value, dict) or len(value) > MOST_NAMES:
            raise Misfit(f"an object of up to {MOST_NAMES} keys", name, value)
        for key, one in value.items():
            self.item.check(one, within(name, key))


@dataclass(frozen=True)
class Table:
    """An object of known keys, some of which it needs.

    Arguments
    ---------
    needed : Mapping[str, Rule]
        Keys that it must have.
    optional : Mapping[str, Rule]
        Keys that it may have.
    others : Rule, optional
        What other keys may hold; without it, there may be none.
    """

    needed: Mapping[str, Rule]
    optional: Mapping[str, Rule] = field(default_factory=dict)
    others: Rule | None = None

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is such an object."""
        if not isinstance(value, dict):
            raise Misfit("an object", name, value)
        for key, rule in self.needed.items():
            if key not in value:
                raise Misfit(f"the key '{key}' in an object", name, value)
            rule.check(value[key], within(name, key))
        for key in sorted(value.keys() - self.needed.keys()):
            other = self.optional.get(key) or self.others
            if other is None:
                unknown = key[:LONGEST_NAME]
                raise Misfit(f"an object without '{unknown}'", name, value)
            other.check(value[key], within(name, key))


@dataclass(frozen=True)
class Note:
    """Plain values that are kept and never used, no deeper than a limit."""

    depth: int = 8

    def check(self, value: Any, name: str) -> None:
        """Raise unless the value is finite and of a reasonable size."""
        if isinstance(value, (dict, list)):
            if not self.depth:
                raise Misfit("a note that is less deep", name, value)
            inner = value.values() if isinstance(value, dict) else value
            for one in inner:
                Note(self.depth - 1).check(one, name)
        elif isinstance(value, str):
            if len(value) > LONGEST_TEXT:
                raise Misfit("a shorter note", name, value)
        elif value is not None and not isinstance(value, bool):
            Number(-LARGEST_NOTE, LARGEST_NOTE).check(value, name)

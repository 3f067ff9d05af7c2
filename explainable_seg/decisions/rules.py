"""How probabilities become segments: what the model says, and what is asked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypedDict, Union

from explainable_seg.classes import CLASSES, class_index, parse_class
from explainable_seg.errors import ExplainableSegError

BALANCED = "balanced"
OPERATING_POINTS = (BALANCED, "recall", "precision")
OVER = "_over_"  # of the name of a derived label
ALL = "all"
"""In place of a class: those that are not named."""
LONGEST_LIMIT = 1e9  # seconds
SHORTEST_LIMIT = 0.02  # seconds, a frame: of the longest segments

PerClass = Union[float, Mapping[str, float]]  # of all classes, or of some


class DecisionOptions(TypedDict, total=False):
    """What may be asked of the decisions, in place of what the model says.

    ``operating_point``: ``balanced`` (default), ``recall`` or ``precision``,
    as far as the model has them. ``thresholds``, ``hysteresis``
    (probability), ``min_on``, ``min_off`` and ``max_on`` (seconds): a number
    for all classes, or a mapping for some, in which ``all`` stands for those
    that are not named. ``derived``: labels such as ``speech_over_music``.
    """

    operating_point: str
    thresholds: PerClass
    hysteresis: PerClass
    min_on: PerClass
    min_off: PerClass
    max_on: PerClass
    derived: Sequence[str]


@dataclass(frozen=True)
class Rules:
    """Rules of :func:`~explainable_seg.decisions.segmentation.decide`.

    Arguments
    ---------
    thresholds : dict[str, float or None]
        Lowest probability of each class that the model was trained for, in
        their order. None where there is none to decide by: such a class has
        probabilities and no segments.
    hysteresis : dict[str, float]
        How far below it a class goes on.
    min_on : dict[str, float]
        Shortest segments, seconds.
    min_off : dict[str, float]
        Shortest pauses, seconds.
    max_on : dict[str, float]
        Longest segments, seconds.
    derived : tuple[str, ...]
        Labels that are added where two classes hold together.
    """

    thresholds: dict[str, float | None] = field(default_factory=dict)
    hysteresis: dict[str, float] = field(default_factory=dict)
    min_on: dict[str, float] = field(default_factory=dict)
    min_off: dict[str, float] = field(default_factory=dict)
    max_on: dict[str, float] = field(default_factory=dict)
    derived: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that the model was trained for."""
        return tuple(self.thresholds)

    @property
    def decided(self) -> tuple[str, ...]:
        """Those of them that have a threshold."""
        found = self.thresholds.items()
        return tuple(name for name, value in found if value is not None)

    def to_dict(self) -> dict[str, Any]:
        """The rules as plain values, for JSON."""
        return {**asdict(self), "derived": list(self.derived)}


def make_rules(
    config: Mapping[str, Any], options: DecisionOptions | None = None
) -> Rules:
    """Rules of a model, changed where something else is asked for.

    Arguments
    ---------
    config : Mapping[str, Any]
        ``thresholds``, and optionally ``operating_points`` (thresholds a class
        by name), ``hysteresis``, ``min_on``, ``min_off`` and ``max_on``.
    options : DecisionOptions, optional
        What is asked for.

    Returns
    -------
    Rules

    Raises
    ------
    ExplainableSegError
        If the model has no such operating point, a class or a derived label
        is unknown, or a number is not possible.
    TypeError
        If an option is none of :class:`DecisionOptions`.

    Example
    -------
    >>> config = {"thresholds": dict.fromkeys(CLASSES, 0.5)}
    >>> rules = make_rules(config, {"thresholds": {"music": 0.3}})
    >>> rules.thresholds["music"], rules.thresholds["speech"]
    (0.3, 0.5)
    """
    asked: dict[str, Any] = {**(options or {})}
    point = asked.pop("operating_point", BALANCED)
    derived = tuple(asked.pop("derived", ()))
    unknown = set(asked) - set(DecisionOptions.__annotations__)
    if unknown:
        known = ", ".join(DecisionOptions.__annotations__)
        raise TypeError(f"expected options among {known}, got {unknown}")
    thresholds = _thresholds(config, point)
    classes = tuple(thresholds)
    for name in derived:
        _check_derived(name, classes)
    model = {**config, "thresholds": thresholds}
    values = {
        name: {
            **model.get(name, {}),
            **_per_class(asked.get(name, {}), name, bounds, classes),
        }
        for name, bounds in BOUNDS.items()
    }
    return Rules(**values, derived=derived)


BOUNDS: dict[str, tuple[float, float]] = {
    "thresholds": (0.0, 1.0),
    "hysteresis": (0.0, 1.0),
    "min_on": (0.0, LONGEST_LIMIT),
    "min_off": (0.0, LONGEST_LIMIT),
    "max_on": (SHORTEST_LIMIT, math.inf),
}
"""Lowest and highest value of each rule; times are in seconds."""


def _thresholds(
    config: Mapping[str, Any], point: str
) -> dict[str, float | None]:
    """Thresholds of an operating point, in the order of the classes."""
    points = {**config.get("operating_points", {})}
    points[BALANCED] = config["thresholds"]
    if point not in points:
        raise ExplainableSegError(
            f"expected an operating point among {', '.join(sorted(points))}, "
            f"got '{point}', which this model lacks; use one of them or set "
            "thresholds"
        )
    return {c: points[point][c] for c in CLASSES if c in points[point]}


def _per_class(
    values: PerClass,
    name: str,
    bounds: tuple[float, float],
    classes: tuple[str, ...],
) -> dict[str, float]:
    """A number a class of the model, checked."""
    if not isinstance(values, Mapping):
        values = {ALL: values}
    checked = {}
    # What is said of all comes first: what is said of one goes before it.
    for label in sorted(values, key=lambda label: label != ALL):
        value, (low, high) = values[label], bounds
        if not low <= value <= high:
            allowed = (
                f"{low:g} to {high:g}"
                if high < math.inf
                else f"{low:g} or more"
            )
            raise ExplainableSegError(
                f"expected {allowed} for {name}, got {value:g}, for {label}; "
                "choose another value"
            )
        named = classes
        if label != ALL:
            named = (classes[class_index(parse_class(label, name), classes)],)
        checked.update(dict.fromkeys(named, float(value)))
    # An infinite limit is none, and JSON has no such number.
    return {label: x for label, x in checked.items() if x < math.inf}


def _check_derived(name: str, classes: tuple[str, ...]) -> None:
    """Raise unless a derived label names two classes of the model."""
    parts = name.split(OVER)
    if (
        len(parts) != 2
        or parts[0] == parts[1]
        or not set(parts) <= set(classes)
    ):
        raise ExplainableSegError(
            f"expected a label such as speech{OVER}music, got '{name}', for "
            f"the derived labels; join two of {', '.join(classes)}"
        )

"""How probabilities become segments: what the model says, and what is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict, Union

from explainable_seg.classes import CLASSES, parse_class
from explainable_seg.errors import ExplainableSegError
from explainable_seg.inference.decisions import OVER

BALANCED = "balanced"
OPERATING_POINTS = (BALANCED, "recall", "precision")

PerClass = Union[float, Mapping[str, float]]  # of all classes, or of some


class DecisionOptions(TypedDict, total=False):
    """What may be asked of the decisions, in place of what the model says.

    ``operating_point``: ``balanced`` (default), ``recall`` or ``precision``,
    as far as the model has them. ``thresholds``, ``hysteresis``
    (probability), ``min_on``, ``min_off`` and ``max_on`` (seconds): a number
    for all classes, or a mapping for some. ``derived``: labels such as
    ``speech_over_music``.
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
    """Rules of :func:`~explainable_seg.inference.decisions.decide`.

    Arguments
    ---------
    thresholds : dict[str, float]
        Lowest probability of each class.
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

    thresholds: dict[str, float]
    hysteresis: dict[str, float] = field(default_factory=dict)
    min_on: dict[str, float] = field(default_factory=dict)
    min_off: dict[str, float] = field(default_factory=dict)
    max_on: dict[str, float] = field(default_factory=dict)
    derived: tuple[str, ...] = ()


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
    for name in derived:
        _check_derived(name)
    model = {**config, "thresholds": _thresholds(config, point)}
    values = {
        name: {
            **model.get(name, {}),
            **_per_class(asked.get(name, {}), name, highest),
        }
        for name, highest in (
            ("thresholds", 1.0),
            ("hysteresis", 1.0),
            ("min_on", float("inf")),
            ("min_off", float("inf")),
            ("max_on", float("inf")),
        )
    }
    return Rules(**values, derived=derived)


def _thresholds(config: Mapping[str, Any], point: str) -> dict[str, float]:
    """Thresholds of an operating point."""
    points = {**config.get("operating_points", {})}
    points[BALANCED] = config["thresholds"]
    if point not in points:
        raise ExplainableSegError(
            f"expected an operating point among {', '.join(sorted(points))}, "
            f"got '{point}', which this model lacks; use one of them or set "
            "thresholds"
        )
    return dict(points[point])


def _per_class(values: PerClass, name: str, highest: float) -> dict[str, float]:
    """A number a class, checked."""
    if not isinstance(values, Mapping):
        values = dict.fromkeys(CLASSES, values)
    checked = {}
    for label, value in values.items():
        if not 0 <= value <= highest or (name == "max_on" and value < 0.02):
            bounds = f"0 to {highest:g}" if name != "max_on" else "0.02 or more"
            raise ExplainableSegError(
                f"expected {bounds} for {name}, got {value:g}, for {label}; "
                "choose another value"
            )
        checked[parse_class(label, name)] = float(value)
    return checked


def _check_derived(name: str) -> None:
    """Raise unless a derived label names two classes."""
    parts = name.split(OVER)
    if (
        len(parts) != 2
        or parts[0] == parts[1]
        or not set(parts) <= set(CLASSES)
    ):
        raise ExplainableSegError(
            f"expected a label such as speech{OVER}music, got '{name}', for "
            f"the derived labels; join two of {', '.join(CLASSES)}"
        )

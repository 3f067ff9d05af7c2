"""Thresholds and durations for somebody's own archive, from what they annotated.

The model is run once. What each candidate (threshold, shortest pause, shortest
segment) finds is then counted for each recording, in seconds, as
:mod:`~explainable_seg.evaluation.detection` scores it; sums of these counts give
the F1 of any set of recordings, so leaving some out costs nothing.

A class moves only as far as the recordings agree on: of all candidates whose F1
cannot be told from the best one's, the nearest to the present rules is taken
(Breiman et al., "Classification and regression trees", 1984: one standard error;
here a jackknife over recordings, Tukey, 1958). And it moves only if that pays on
recordings which were left out while choosing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from pyannote.core import Timeline

from explainable_seg.decisions import Rules, Segmentation
from explainable_seg.evaluation.candidates import (
    Candidates,
    ClassRules,
    Counts,
    count,
    find_scenes,
)
from explainable_seg.evaluation.detection import Spans
from explainable_seg.evaluation.thresholds import F_BETAS, best_index

LEAST_SECONDS = 10.0
"""Seconds in which a class must be heard, and as many in which it is not."""
LEAST_GROUPS = 4
"""Recordings in which a class must be annotated, and blocks to cut fewer into."""
LEAST_HOLDING = 3
"""Recordings, or blocks, in which a class must be heard."""
MOST_GROUPS = 20
"""How many are left out one by one: neighbours of more are put together."""
NOISE = 2.0
"""Standard errors by which what is left out must gain."""
NOTHING_BETTER = "nothing could be told to be better"
CHANCE = "no gain beyond chance on what was left out"


@dataclass(frozen=True)
class ClassTuning:
    """What tuning says of a class.

    Arguments
    ---------
    annotated_seconds : float
        In which it is known whether the class is heard.
    heard_seconds : float
        In which it is.
    before : ClassRules
        As the model decides.
    after : ClassRules
        As it shall decide; the same where the class is kept.
    kept : str or None
        Why nothing changes; None where something does.
    parts : str
        What was left out by turns, such as ``5 recordings``.
    f1_before : float or None
        Of all that is annotated; None without a threshold, or of nothing.
    f1_after : float or None
        Of what was left out, by rules chosen on the rest; None if nothing was
        chosen.
    gain_error : float or None
        Standard error of the difference of both.
    operating_points : dict[str, float]
        Thresholds that favour one error, by name, if something changes.
    """

    annotated_seconds: float
    heard_seconds: float
    before: ClassRules
    after: ClassRules
    kept: str | None
    parts: str
    f1_before: float | None = None
    f1_after: float | None = None
    gain_error: float | None = None
    operating_points: dict[str, float] | None = None

    @property
    def gain(self) -> float | None:
        """By how much F1 rises on what was left out while choosing."""
        if self.f1_before is None or self.f1_after is None:
            return None
        return self.f1_after - self.f1_before


@dataclass(frozen=True)
class Tuning:
    """What tuning says of each class that the model was trained for.

    Arguments
    ---------
    classes : dict[str, ClassTuning]
        By their names.
    recordings : int
        On which it was done.
    seconds : float
        Of them, annotated or not.
    """

    classes: dict[str, ClassTuning]
    recordings: int
    seconds: float

    @property
    def changed(self) -> dict[str, ClassTuning]:
        """The classes that shall be decided otherwise."""
        return {n: one for n, one in self.classes.items() if one.kept is None}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "recordings": self.recordings,
            "seconds": round(self.seconds, 3),
            "classes": {
                name: {**asdict(one), "gain": one.gain}
                for name, one in self.classes.items()
            },
        }

    def applied_to(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of a model that decides as said here.

        Arguments
        ---------
        config : Mapping[str, Any]
            Settings of the model that was tuned.

        Returns
        -------
        dict[str, Any]
            With ``tuning``: what was measured. What was measured at the old
            thresholds is left out.
        """
        changed = self.changed
        tuned = dict(config)
        if "dev_f1" in config:
            tuned["dev_f1"] = {
                n: f1 for n, f1 in config["dev_f1"].items() if n not in changed
            }
        for rule, field in (
            ("thresholds", "threshold"),
            ("min_off", "min_off"),
            ("min_on", "min_on"),
        ):
            values = {
                n: getattr(one.after, field) for n, one in changed.items()
            }
            tuned[rule] = {**config.get(rule, {}), **values}
        tuned["operating_points"] = {
            point: {
                **values,
                **{
                    name: (one.operating_points or {}).get(point, values[name])
                    for name, one in changed.items()
                },
            }
            for point, values in config.get("operating_points", {}).items()
        }
        return {**tuned, "tuning": self.to_dict()}


def tune(
    found: Sequence[Segmentation],
    reference: Spans,
    time: Mapping[str, Mapping[str, Timeline]],
    rules: Rules,
) -> Tuning:
    """Choose threshold, shortest pause and shortest segment of each class.

    The same input gives the same result; the order of recordings does not
    count.

    Arguments
    ---------
    found : Sequence[Segmentation]
        What the model says of each recording, or of regions of it that do not
        overlap.
    reference : Mapping[str, Mapping[str, Timeline]]
        For each recording and class, where the class is.
    time : Mapping[str, Mapping[str, Timeline]]
        For each class and recording, where it is annotated; a class that is
        left out is annotated nowhere.
    rules : Rules
        How the model decides. Hysteresis stays as it is.

    Returns
    -------
    Tuning
    """
    found = sorted(found, key=lambda one: (one.uri, one.start))
    return Tuning(
        {
            name: _tuned_class(
                name, found, reference, time.get(name, {}), rules
            )
            for name in rules.classes
        },
        len({one.uri for one in found}),
        sum(one.duration for one in found),
    )


def _tuned_class(
    name: str,
    found: Sequence[Segmentation],
    reference: Spans,
    time: Mapping[str, Timeline],
    rules: Rules,
) -> ClassTuning:
    """What tuning says of one class."""
    now = ClassRules.of(rules, name)
    candidates = Candidates.around(now)
    scenes = find_scenes(name, found, reference, time)
    few = len({scene.segmentation.uri for scene in scenes}) < LEAST_GROUPS
    parts = count(scenes, candidates, rules.hysteresis.get(name, 0.0), few)
    kind = "blocks" if few else "recordings"
    present = candidates.place(now)
    f1 = parts.f1()[present].item()
    undecided = now.threshold is None or math.isnan(f1)
    kept = ClassTuning(
        round(parts.known.sum().item(), 3),
        round(parts.heard.sum().item(), 3),
        before=now,
        after=now,
        kept=_too_little(parts, kind),
        parts=f"{len(parts.known)} {kind}",
        f1_before=None if undecided else f1,
    )
    return kept if kept.kept else _moved(kept, parts, candidates, present)


def _moved(
    kept: ClassTuning, parts: Counts, candidates: Candidates, present: int
) -> ClassTuning:
    """A class as far as there is evidence for it to move."""
    groups, distances = _grouped(parts), candidates.distances(present)
    after = candidates.at(_chosen(groups, distances))
    f1_after, error = _cross_validated(groups, distances, present)
    measured = replace(kept, f1_after=f1_after)
    if kept.f1_before is not None:
        measured = replace(measured, gain_error=error)
    if after == kept.before:
        return replace(measured, kept=NOTHING_BETTER)
    if measured.gain is not None and measured.gain <= NOISE * error:
        return replace(measured, kept=CHANCE)
    points = _operating_points(groups, candidates, after)
    return replace(measured, after=after, operating_points=points)


def _too_little(parts: Counts, kind: str) -> str | None:
    """Why a class cannot be tuned, if it cannot."""
    heard, known = parts.heard.sum().item(), parts.known.sum().item()
    holding = int((parts.heard > 0).sum())
    needed = f"{LEAST_SECONDS:g} s are needed"
    if not known:
        return "annotated nowhere"
    if heard < LEAST_SECONDS:
        return f"too little: heard for {heard:.1f} s, {needed}"
    if known - heard < LEAST_SECONDS:
        return f"too little: absent for {known - heard:.1f} s, {needed}"
    if holding < LEAST_HOLDING:
        return (
            f"too little: heard in {holding} of {len(parts.heard)} {kind}, "
            f"{LEAST_HOLDING} are needed"
        )
    return None


def _grouped(parts: Counts) -> Counts:
    """Neighbours together, if there are many."""
    n = len(parts.heard)
    if n <= MOST_GROUPS:
        return parts
    return parts.merged(torch.arange(n) * MOST_GROUPS // n)


def _chosen(groups: Counts, distances: torch.Tensor) -> int:
    """The nearest candidate that cannot be told from the best one."""
    f1 = groups.f1().nan_to_num(-1.0)
    best = int(f1.argmax())
    without = groups.f1_without().nan_to_num(0.0)
    error = _jackknife_error(without[:, best : best + 1] - without)
    as_good = f1[best] - f1 <= error + 1e-12
    nearest = distances.where(as_good, torch.inf)
    nearest = nearest <= nearest.min() + 1e-9
    return int(f1.where(nearest, -torch.inf).argmax())


def _cross_validated(
    groups: Counts, distances: torch.Tensor, present: int
) -> tuple[float, float]:
    """F1 of groups by rules chosen on the others; error of what it gains."""
    n = len(groups.heard)
    chosen = [_chosen(groups.without(g), distances) for g in range(n)]
    rows = torch.arange(n)
    picks = torch.tensor([chosen, [present] * n])
    ours, theirs = (
        Counts(
            groups.hits[rows, pick][:, None],
            groups.found[rows, pick][:, None],
            groups.heard,
            groups.known,
        )
        for pick in picks
    )
    gains = (ours.f1_without() - theirs.f1_without()).nan_to_num(0.0)
    return ours.f1().item(), _jackknife_error(gains).item()


def _jackknife_error(without: torch.Tensor) -> torch.Tensor:
    """Standard error of a figure from its values without each group [G, ...]."""
    n = len(without)
    return (without.var(dim=0, correction=0) * (n - 1)).sqrt()


def _operating_points(
    groups: Counts, candidates: Candidates, rules: ClassRules
) -> dict[str, float]:
    """Thresholds that favour one error, at tuned durations."""
    assert rules.threshold is not None  # it was chosen
    off = candidates.min_off.index(rules.min_off)
    on = candidates.min_on.index(rules.min_on)
    points = {}
    for name, beta in F_BETAS.items():
        line = groups.f1(beta).reshape(candidates.shape)[:, off, on]
        best = candidates.thresholds[best_index(line)]
        # Nearer to the present rules than the best one, the balanced threshold
        # may have been left behind by one of these.
        side = min if beta > 1 else max
        points[name] = side(best, rules.threshold)
    return points


HEAD = (
    "class",
    "annotated s",
    "heard s",
    "threshold",
    "shortest pause",
    "shortest segment",
    "F1 before",
    "F1 after",
)


def tuning_rows(tuning: Tuning) -> list[list[str]]:
    """Cells of a table for people, below their heads.

    Arguments
    ---------
    tuning : Tuning
        What tuning says.

    Returns
    -------
    list[list[str]]
        A row a class, after that of the heads. ``F1 after`` is that of what was
        left out while choosing.
    """
    rows = [list(HEAD)]
    for name, one in tuning.classes.items():
        before, after = one.before, one.after
        rows.append(
            [
                name,
                f"{one.annotated_seconds:.1f}",
                f"{one.heard_seconds:.1f}",
                _change(before.threshold, after.threshold),
                _change(before.min_off, after.min_off),
                _change(before.min_on, after.min_on),
                _cell(one.f1_before),
                "kept" if one.kept else _cell(one.f1_after),
            ]
        )
    return rows


def format_tuning(tuning: Tuning) -> str:
    """Table of the classes for people, and why some are kept.

    Arguments
    ---------
    tuning : Tuning
        What tuning says.

    Returns
    -------
    str
        One line a class, then one for each reason.
    """
    rows = tuning_rows(tuning)
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths))
        )
        for row in rows
    ]
    return "\n".join([*lines, *map(_in_words, tuning.classes.items())])


def _in_words(entry: tuple[str, ClassTuning]) -> str:
    """What becomes of a class, and by what evidence."""
    name, one = entry
    told = ""
    if one.gain is not None:
        told = f" ({one.gain:+.3f}, standard error {one.gain_error:.3f})"
    if one.kept:
        return f"{name} keeps its rules: {one.kept}{told}"
    return f"{name} is tuned, each of {one.parts} left out by turns{told}"


def _change(before: float | None, after: float | None) -> str:
    """A number, or two if they differ."""
    shown = ["none" if x is None else f"{x:g}" for x in (before, after)]
    return " -> ".join(dict.fromkeys(shown))


def _cell(value: float | None) -> str:
    """A figure, or a dash for none."""
    return "-" if value is None else f"{value:.3f}"


def tuned_card(card: str, tuning: Tuning, model: str, day: str) -> str:
    """The card of a model that was tuned.

    Arguments
    ---------
    card : str
        Of the model before.
    tuning : Tuning
        What tuning says.
    model : str
        What it was called.
    day : str
        When it was tuned.

    Returns
    -------
    str
        With a section at its end.
    """
    head, *rows = tuning_rows(tuning)
    table = [head, ["---"] * len(head), *rows]
    lines = [
        card.rstrip(),
        "",
        "## Tuned",
        "",
        f"On {day}, from {model}: thresholds and durations, on "
        f"{tuning.recordings} recordings of {tuning.seconds / 60:.1f} minutes. "
        "Scores above are those of before. The weights are the same.",
        "",
        *("| " + " | ".join(row) + " |" for row in table),
        "",
        "F1 of seconds, without a collar; after: on recordings, or blocks of "
        "them, that were left out while choosing.",
        "",
        *(f"- {_in_words(entry)}" for entry in tuning.classes.items()),
        "",
    ]
    return "\n".join(lines)

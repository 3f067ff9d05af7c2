"""Tables of benchmarks/faithfulness.py, as JSON and as Markdown."""

from typing import Any

from tables import table

from explainable_seg.classes import CLASSES
from explainable_seg.evaluation import (
    AREAS,
    JUDGED,
    MEASURES,
    ONES,
    OWN,
    ZEROS,
    Comparison,
)
from explainable_seg.explanation import SELECTED


def rivals(result: Comparison) -> list[str]:
    """Candidates that are compared at equal retained energy."""
    return [name for name in result.stats if name not in (ONES, ZEROS)]


def as_document(result: Comparison) -> dict[str, Any]:
    """All figures of a comparison, as plain values."""
    document: dict[str, Any] = {
        "interval": 0.95,
        "equal": result.equal,
        "candidates": {},
    }
    for name, by_key in result.stats.items():
        document["candidates"][name] = {
            str(key): {
                "means": result.pooled(name, key).summary(),
                "intervals": {
                    measure: intervals(result, name, key, measure)
                    for measure in ("AD", "FF")
                },
            }
            for key in by_key
        }
    for name in rivals(result):
        document["candidates"][name]["areas"] = {
            area: intervals(result, name, OWN, area) for area in AREAS
        }
    document["verdicts"] = {
        name: verdicts(result, name)
        for name in rivals(result)
        if name != SELECTED
    }
    return document


def intervals(
    result: Comparison, name: str, key: float | str, measure: str
) -> dict[str, list[float] | None]:
    """Mean, lower and upper end of a measure for each class."""
    columns = zip(*(x.tolist() for x in result.interval(name, key, measure)))
    return {
        class_name: None if value != value else [value, low, high]
        for class_name, (value, low, high) in zip(CLASSES, columns)
    }


def verdicts(result: Comparison, name: str) -> dict[str, dict[str, Any]]:
    """What each measure says of the explanation against a rival."""
    table = {}
    for measure in JUDGED:
        keys = (OWN,) if measure in AREAS else result.shares
        for key in keys:
            said = result.verdict(SELECTED, name, key, measure)
            label = measure if key == OWN else f"{measure} {key:.0%}"
            table[label] = dict(zip(CLASSES, said))
    return table


def as_markdown(title: str, result: Comparison) -> str:
    """Tables of a comparison."""
    parts = [f"## {title}\n", frames_line(result), own_table(result)]
    for measure in ("AD", "FF"):
        for share in result.shares:
            parts.append(
                f"### {measure} at {share:.0%} of the {result.equal}\n"
            )
            parts.append(measure_table(result, share, measure))
    for area in AREAS:
        parts.append(f"### Area of {area}\n")
        parts.append(measure_table(result, OWN, area))
    parts.append("### What taking the explanation away raises\n")
    parts.append(raises_table(result))
    parts.append(f"### Is `{SELECTED}` better? (paired, over recordings)\n")
    parts.append(verdict_table(result))
    return "\n".join(parts)


def frames_line(result: Comparison) -> str:
    """How many frames of each class were judged."""
    pooled = result.pooled(ONES, OWN).summary()
    counts = [f"{name} {pooled[name]['frames']}" for name in CLASSES]
    n_recordings = len(result.stats[ONES][OWN])
    return f"{n_recordings} recordings; frames: {', '.join(counts)}.\n"


def own_table(result: Comparison) -> str:
    """Masks as they are, beside the anchors."""
    measures = [m for m in MEASURES if m not in ("p", "q_in", "q_out")]
    rows = []
    for name, by_key in result.stats.items():
        if OWN in by_key:
            pooled = result.pooled(name, OWN).summary()
            rows += [
                [name, c, *(number(pooled[c][m]) for m in measures)]
                for c in (*CLASSES, "macro")
            ]
    return table(["mask as it is", "class", *measures], rows)


def measure_table(result: Comparison, key: float | str, measure: str) -> str:
    """A measure of all candidates, with intervals."""
    rows = []
    for name in rivals(result):
        row = [name]
        for value in intervals(result, name, key, measure).values():
            if value is None:
                row.append("-")
            else:
                middle, low, high = (number(x) for x in value)
                row.append(f"{middle} ({low} to {high})")
        rows.append(row)
    return table(["candidate", *CLASSES], rows)


def raises_table(result: Comparison) -> str:
    """Mean change of the classes that were not marked."""
    pooled = result.pooled(SELECTED, OWN).summary()
    rows = [
        [c, *(number(pooled[c].get(f"raises {other}")) for other in CLASSES)]
        for c in CLASSES
    ]
    return table(["taken away", *CLASSES], rows)


def verdict_table(result: Comparison) -> str:
    """Signs: + better, - worse, 0 cannot be told, for each class in turn."""
    signs = {"better": "+", "worse": "-", "untold": "0", None: " "}
    names = [name for name in rivals(result) if name != SELECTED]
    tables = {name: verdicts(result, name) for name in names}
    head = ["against", *next(iter(tables.values()))]
    rows = [
        [
            name,
            *("".join(signs[v] for v in said.values()) for said in t.values()),
        ]
        for name, t in tables.items()
    ]
    order = f"Each cell: {', '.join(CLASSES)}.\n\n"
    return order + table(head, rows)


def number(value: float | int | None) -> str:
    """Three significant digits."""
    return "-" if value is None else f"{value:.3g}"

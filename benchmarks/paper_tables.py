"""Tables of benchmarks/paper_table.py in Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

from tables import cell, table

from explainable_seg.classes import CLASSES
from explainable_seg.evaluation import BY_CODE, BY_H, HALF, MACRO, TUNED

BANDS = ("0-100 Hz", "100-1k Hz", "1k-4k Hz", "4k-8k Hz")
REBUILT_BY = {BY_H: "H", BY_CODE: "sparse code"}
LEGEND = """\
F1, precision and recall are of seconds, pooled over recordings, no collar,
inside the annotated time. In brackets: 95 % intervals by the bootstrap over
recordings, paired where two models are compared. `-`: the class is not
annotated or not there, or the recordings are too few for an interval.
"""
RELIABILITY = """\
AP: average precision of frames. ECE: expected calibration error, the mean over
frames of |share with the class - mean probability| in 15 bins of probability.
"""
AGREEMENT = """\
Frames in the annotated time: share decided alike, Cohen's kappa, correlation of
the logits.
"""
RECONSTRUCTION = """\
`||X - W H|| / ||X||` over the frames that hold a class, whole and within bands;
active atoms a frame. Sparse code: what the student's H starts from.
"""

Document = Mapping[str, Any]


def as_markdown(document: Document) -> str:
    """All tables of a document."""
    return "\n".join(
        [
            "# Models and corpora\n",
            LEGEND,
            table(["model", "from"], model_rows(document)),
            table(
                ["part", "recordings", "minutes", "from"], part_rows(document)
            ),
            "## F1 at tuned thresholds\n",
            table(["part", "class", *document["models"]], f1_rows(document)),
            "## Which is ahead: difference in F1\n",
            table(
                ["part", "models", *CLASSES, MACRO],
                difference_rows(document),
            ),
            "## Precision, recall, ranking and calibration\n",
            RELIABILITY,
            table(
                ["part", "class", "model"]
                + ["threshold", "P", "R", "F1"]
                + ["P at 0.5", "R at 0.5", "F1 at 0.5"]
                + ["AP", "ECE", "Brier"],
                class_rows(document),
            ),
            "## Agreement\n",
            AGREEMENT,
            table(
                ["part", "models", "class"]
                + ["decisions", "kappa", "correlation"],
                agreement_rows(document),
            ),
            "## Reconstruction\n",
            RECONSTRUCTION,
            table(
                ["part", "model", "by", "class", "all bands", *BANDS, "atoms"],
                reconstruction_rows(document),
            ),
        ]
    )


def model_rows(document: Document) -> Iterator[list]:
    """Where each model is from."""
    for name, model in document["models"].items():
        absent = "absent: " if model["absent"] else ""
        yield [name, f"{absent}{model['source']}"]


def part_rows(document: Document) -> Iterator[list]:
    """How much each part holds, and where it is from."""
    for part, entry in document["parts"].items():
        minutes = entry["seconds"] / 60 if "seconds" in entry else None
        absent = "absent: " if entry["absent"] else ""
        yield [
            part,
            entry.get("recordings"),
            None if minutes is None else f"{minutes:.1f}",
            f"{absent}{entry['manifest']}",
        ]


def f1_rows(document: Document) -> Iterator[list]:
    """The paper's table: a row a part and class, a column a model."""
    for part, entry in document["parts"].items():
        if entry["absent"]:
            absent = f"absent: {entry['manifest']}"
            yield [part, "all", *[absent] * len(document["models"])]
            continue
        for name in (*CLASSES, MACRO):
            yield [
                part,
                name,
                *(
                    "absent"
                    if model["absent"]
                    else f1_cell(entry["models"][column], name)
                    for column, model in document["models"].items()
                ),
            ]


def f1_cell(measures: Mapping[str, Any], name: str) -> str:
    """F1 with its interval."""
    f1, ends = f1_of(measures[TUNED], name), measures["f1_intervals"][name]
    if f1 is None or ends is None:
        return cell(f1)
    return f"{f1:.3f} [{ends[0]:.3f}, {ends[1]:.3f}]"


def f1_of(scores: Mapping[str, Any], name: str) -> float | None:
    """F1 of a class, or the mean over the classes."""
    if name == MACRO:
        return scores["macro_f1"]
    return scores["classes"][name]["f1"]


def present(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Parts that were measured, by name."""
    for part, entry in document["parts"].items():
        if "models" in entry:
            yield part, entry


def difference_rows(document: Document) -> Iterator[list]:
    """Differences of each pair of models."""
    for part, entry in present(document):
        for pair in entry["pairs"]:
            cells = [
                found
                and f"{found['difference']:+.3f} "
                f"[{found['low']:+.3f}, {found['high']:+.3f}]"
                for found in map(pair["f1_differences"].get, (*CLASSES, MACRO))
            ]
            yield [part, " - ".join(pair["models"]), *cells]


def class_rows(document: Document) -> Iterator[list]:
    """Everything about one class, of each model."""
    for part, entry in present(document):
        for name in CLASSES:
            for model, measures in entry["models"].items():
                scores = [
                    measures[point]["classes"][name][ratio]
                    for point in (TUNED, HALF)
                    for ratio in ("precision", "recall", "f1")
                ]
                calibration = measures["calibration"][name] or {}
                yield [
                    part,
                    name,
                    model,
                    measures["thresholds"][name],
                    *scores,
                    measures["average_precision"][name],
                    calibration.get("ece"),
                    calibration.get("brier"),
                ]


def agreement_rows(document: Document) -> Iterator[list]:
    """How far the models of each pair say the same."""
    for part, entry in present(document):
        for pair in entry["pairs"]:
            for name, found in pair["agreement"].items():
                values = found or {}
                yield [
                    part,
                    " and ".join(pair["models"]),
                    name,
                    *map(values.get, ("decisions", "kappa", "correlation")),
                ]


def reconstruction_rows(document: Document) -> Iterator[list]:
    """What each student rebuilds, by class and band."""
    for part, entry in present(document):
        for model, measures in entry["models"].items():
            for by, whole in (measures["reconstruction"] or {}).items():
                for name, found in {"all": whole, **whole["classes"]}.items():
                    yield [
                        part,
                        model,
                        REBUILT_BY[by],
                        name,
                        found["error"],
                        *found["error_by_band"],
                        found["atoms"],
                    ]

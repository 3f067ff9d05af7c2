#!/usr/bin/env python3
"""Which sign tells that an explanation is to be trusted with care?

> python benchmarks/grounding_flag.py MANIFESTS/dev.csv --test MANIFESTS/test.csv

For every segment that a student finds, and every frame of it, two things that
may be wrong are established:

- *lost*: the sound of the segment's atoms alone, run through the whole front
  end again, is not found on more than half of the segment (Fid-In below 0.5).
  Each frame keeps the atoms of the segment of its class nearest to it.
- *wrong*: the class is in the reference on less than half of the segment.

Then each sign is tried as a flag at several limits: the relative error
``||X - W H|| / ||X||``, the excess of it over that of the sparse code, and the
margin by which the mean logit exceeds what is needed. The best limit is the one
with the highest mean F1 of the two truths on the first manifest. Writes a JSON
file with everything, and tables in Markdown to the terminal.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import click
import numpy as np
import torch
from tables import table
from tqdm import tqdm

from explainable_seg import ExplainableSegmenter
from explainable_seg.classes import CLASSES
from explainable_seg.corpora import (
    Region,
    Truth,
    load_truth,
    read_manifest,
    read_region,
    region_targets,
)
from explainable_seg.explanation import (
    CLOSE,
    Decomposition,
    StudentWeights,
    apply_mask,
    bootstrap_means,
    class_mask,
    default_selection,
    frame_errors,
    interval,
    reconstruction_error,
    relevance,
    threshold_logit,
)
from explainable_seg.files import atomic_write_json
from explainable_seg.frames import SAMPLE_RATE, UNKNOWN, frame_ranges
from explainable_seg.inference import CODE_SWEEPS
from explainable_seg.nmf import sparse_code

logger = logging.getLogger(__name__)

ERROR, EXCESS, MARGIN = "error", "excess error", "margin"
LIMITS = {
    ERROR: (0.3, 0.35, 0.4, 0.45, 0.5, 0.6),
    EXCESS: (0.05, 0.1, 0.2),
    MARGIN: tuple(sorted({0.25, 0.5, 0.75, 1.0, 1.5, 2.0, CLOSE})),
}
SHOWN = {ERROR: 0.5, MARGIN: CLOSE}  # limits by class, and of frames
TRUTHS = ("lost", "wrong")
BOTH = "both"  # of the truths
Range = tuple[int, int]


class Case(NamedTuple):
    """Segments or frames of one class in one recording.

    ``signs`` maps each quantity to values [n]; ``truths`` maps each truth to
    1, 0 or NaN (unknown) [n].
    """

    recording: str
    class_name: str
    signs: Mapping[str, np.ndarray]
    truths: Mapping[str, np.ndarray]


def heard_again(
    segmenter: ExplainableSegmenter,
    decomposition: Decomposition,
    ranges: Sequence[Range],
    c: int,
) -> np.ndarray:
    """Where the class is found [T] when only the segments' atoms sound."""
    weights = StudentWeights.of(segmenter.model)
    H, W, theta_c = (
        decomposition.activations,
        weights.dictionary,
        weights.theta[c],
    )
    own_c = weights.own_of(CLASSES[c])
    middles = [(a + b) // 2 for (_, a), (b, _) in zip(ranges, ranges[1:])]
    borders = [0, *middles, len(H)]
    masks = []
    for (first, last), low, high in zip(ranges, borders, borders[1:]):
        explained = H[first:last]
        r, z = relevance(explained, theta_c), explained.mean(dim=0)
        selected = default_selection(r, z, own_c)
        masks.append(class_mask(H[low:high], W, selected, weights.sources))
    kept = apply_mask(decomposition.audio, torch.cat(masks))
    # What is left is as loud as it was in the whole.
    as_it_is = ExplainableSegmenter(
        segmenter.model, {**segmenter.config, "level": None}
    )
    again = as_it_is.segment(kept, SAMPLE_RATE).probabilities[:, c]
    return again >= segmenter.config["thresholds"][CLASSES[c]]


def judge(
    segmenter: ExplainableSegmenter, region: Region, truth: Truth
) -> Iterator[tuple[Case, Case]]:
    """Segments and frames of each class in a recording."""
    analysis = segmenter.analyse(read_region(region), SAMPLE_RATE)
    decomposition, report_data = (
        analysis.decomposition,
        segmenter.report_data(analysis),
    )
    X, H, W = (
        decomposition.spectrogram,
        decomposition.activations,
        report_data.weights,
    )
    code = sparse_code(X, W.dictionary, segmenter.model.mu, CODE_SWEEPS)
    targets = region_targets(region, truth, n_frames=decomposition.n_frames)
    errors = frame_errors(X, W.dictionary, H)
    excess = errors - frame_errors(X, W.dictionary, code)
    for c, name in enumerate(CLASSES):
        ranges = frame_ranges(report_data.spans[name], decomposition.n_frames)
        if not ranges:
            continue
        needed = threshold_logit(segmenter.config["thresholds"][name])
        margins = decomposition.logits[:, c] - (
            0.0 if needed is None else needed
        )
        truths = {
            "lost": ~heard_again(segmenter, decomposition, ranges, c) * 1.0,
            "wrong": np.where(
                targets[:, c] == UNKNOWN, np.nan, targets[:, c] != 1
            ),
        }
        where = np.concatenate([np.arange(*range_) for range_ in ranges])
        frames = {ERROR: errors, EXCESS: excess, MARGIN: margins}
        yield (
            Case(
                region.recording,
                name,
                {
                    ERROR: over_segments(X, W.dictionary, H, ranges),
                    EXCESS: over_segments(X, W.dictionary, H, ranges)
                    - over_segments(X, W.dictionary, code, ranges),
                    MARGIN: means(margins.numpy(), ranges),
                },
                {key: most(values, ranges) for key, values in truths.items()},
            ),
            Case(
                region.recording,
                name,
                {key: values.numpy()[where] for key, values in frames.items()},
                {key: values[where] for key, values in truths.items()},
            ),
        )


def over_segments(X, W, H, ranges: Sequence[Range]) -> np.ndarray:
    """Relative error of each segment; NaN for digital silence."""
    errors = [reconstruction_error(X[a:b], W, H[a:b]) for a, b in ranges]
    return np.array(errors, dtype=float)


def means(values: np.ndarray, ranges: Sequence[Range]) -> np.ndarray:
    """Mean of the frames of each segment that are known; NaN without any."""
    known = [values[a:b][~np.isnan(values[a:b])] for a, b in ranges]
    return np.array([v.mean() if len(v) else np.nan for v in known])


def most(values: np.ndarray, ranges: Sequence[Range]) -> np.ndarray:
    """1 where it holds on more than half of the known frames of a segment."""
    shares = means(values, ranges)
    return np.where(np.isnan(shares), np.nan, shares > 0.5)


def flagged(case: Case, sign: str, limit: float) -> np.ndarray:
    """Where the flag is raised; never where the sign is undefined."""
    values = case.signs[sign]
    return values < limit if sign == MARGIN else values > limit


def rates(
    cases: Sequence[Case], sign: str, limit: float, truth: str
) -> dict[str, Any]:
    """A flag against a truth; rates with intervals over recordings."""
    counts: dict[str, np.ndarray] = {}
    for case in cases:
        known = ~np.isnan(case.truths[truth])
        is_so = case.truths[truth][known] == 1
        raised = flagged(case, sign, limit)[known]
        row = [known.sum(), raised.sum(), is_so.sum(), (raised & is_so).sum()]
        total = counts.setdefault(case.recording, np.zeros(4, dtype=int))
        total += np.array(row)
    n, raised, is_so, hit = torch.tensor(np.array(list(counts.values()))).T
    drawn_gain = bootstrap_means(hit, raised) - bootstrap_means(is_so, n)
    precision, recall = ratio(hit, raised), ratio(hit, is_so)
    defined = precision is not None and recall is not None
    f1 = 2 * ratio(hit, raised + is_so) if defined else None
    return {
        "n": int(n.sum()),
        "flagged": ratio(raised, n),
        "base": ratio(is_so, n),
        "precision": precision,
        "precision interval": ends(bootstrap_means(hit, raised)),
        "above base": None if precision is None else ends(drawn_gain),
        "recall": recall,
        "f1": f1,
    }


def ratio(part: torch.Tensor, whole: torch.Tensor) -> float | None:
    """Pooled over recordings; None of nothing."""
    total = int(whole.sum())
    return int(part.sum()) / total if total else None


def ends(drawn: torch.Tensor) -> list[float] | None:
    """Interval of what was drawn; None where it is never defined."""
    if bool(drawn.isnan().all()):
        return None
    return [end.item() for end in interval(drawn)]


def all_rates(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Every sign, limit, class and truth."""
    groups = {"all": list(cases)}
    for name in CLASSES:
        groups[name] = [case for case in cases if case.class_name == name]
    return [
        {
            "sign": sign,
            "limit": limit,
            "class": name,
            **{t: rates(members, sign, limit, t) for t in TRUTHS},
        }
        for sign, limits in LIMITS.items()
        for limit in limits
        for name, members in groups.items()
        if members
    ]


def best_limits(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each sign, the limit with the highest mean F1, and that."""
    best: dict[str, dict[str, float]] = {}
    for row in rows:
        score = mean(row[truth]["f1"] or 0.0 for truth in TRUTHS)
        sign = row["sign"]
        if row["class"] == "all" and score > best.get(sign, {}).get("f1", 0.0):
            best[sign] = {"limit": row["limit"], "f1": score}
    return best


def as_table(rows: Sequence[dict[str, Any]]) -> str:
    """A row for each flag, after one for no flag at all."""
    head = ["class", "n", "flag", "flagged"]
    for truth in TRUTHS:
        head += [f"{truth}: precision", "above base", "recall"]
    lines: list[list[str]] = []
    for row in rows:
        name = row["class"]
        if name not in {line[0] for line in lines}:
            bases = [[two(row[t]["base"]), "", ""] for t in TRUTHS]
            n = str(row["lost"]["n"])
            lines.append([name, n, "none", "", *sum(bases, [])])
        line = [name, "", flag_words(row), two(row["lost"]["flagged"])]
        for truth in TRUTHS:
            figures = row[truth]
            line += [
                spread(figures["precision"], figures["precision interval"]),
                spread(None, figures["above base"]),
                two(figures["recall"]),
            ]
        lines.append(line)
    return table(head, lines)


def flag_words(row: Mapping[str, Any]) -> str:
    """The flag in words."""
    relation = "below" if row["sign"] == MARGIN else "above"
    return f"{row['sign']} {relation} {row['limit']:g}"


def two(value: float | None) -> str:
    """Two decimals, or a dash."""
    return "-" if value is None else f"{value:.2f}"


def spread(value: float | None, ends_: Sequence[float] | None) -> str:
    """A value with its interval, or the interval of a difference."""
    if ends_ is None:
        return two(value)
    low, high = ends_
    if value is None:
        return f"{low:+.2f} to {high:+.2f}"
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def shown(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the limits of SHOWN."""
    return [row for row in rows if SHOWN.get(row["sign"]) == row["limit"]]


def as_markdown(figures: Mapping[str, Any]) -> str:
    """Tables of every part; of classes and frames, the flags of SHOWN."""
    parts = []
    for part, by_unit in figures["parts"].items():
        segments = by_unit["segments"]
        whole = [row for row in segments if row["class"] == "all"]
        parts += [f"{part}, segments:\n", as_table(whole)]
        by_class = [row for row in shown(segments) if row["class"] != "all"]
        by_class.sort(key=lambda row: CLASSES.index(row["class"]))
        parts += [f"{part}, segments by class:\n", as_table(by_class)]
        frames = [r for r in shown(by_unit["frames"]) if r["class"] == "all"]
        parts += [f"{part}, frames:\n", as_table(frames)]
    for sign, best in figures["best on the first part"].items():
        parts.append(
            f"- best on the first part: {sign} {best['limit']:g}, mean F1 "
            f"{best['f1']:.2f}"
        )
    return "\n".join(parts)


PATH = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("dev", type=PATH)
@click.option("--test", type=PATH, help="Reported, never chosen from.")
@click.option("--model", help="Folder or hub id; the default model if none.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("results/grounding_flag.json"),
    show_default=True,
)
def main(dev: Path, test: Path | None, model: str | None, output: Path) -> None:
    """Judge what a student finds in the recordings of DEV."""
    logging.basicConfig(format="%(message)s")
    segmenter = ExplainableSegmenter.from_pretrained(model)
    parts: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for manifest in filter(None, (dev, test)):
        regions = read_manifest(manifest)
        truths = load_truth(regions)
        pairs = [
            pair
            for region in tqdm(regions, desc=manifest.stem, disable=None)
            for pair in judge(segmenter, region, truths[region.recording])
        ]
        segments, frames = zip(*pairs)
        parts[manifest.stem] = {
            "segments": all_rates(segments),
            "frames": all_rates(frames),
        }
    figures = {
        "model": segmenter.name,
        "best on the first part": best_limits(parts[dev.stem]["segments"]),
        "parts": parts,
    }
    atomic_write_json(output, figures)
    click.echo(as_markdown(figures))


if __name__ == "__main__":
    main()

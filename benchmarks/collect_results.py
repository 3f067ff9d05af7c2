#!/usr/bin/env python3
"""Tables of docs/results.md from what the recipes left on disk.

> python benchmarks/collect_results.py results/realbroadcast --seeds 1 2 3

Reads ``<folder>/{teacher,student}/<seed>/{dev,test}/scores.json`` and
``<folder>/student/<seed>/grounding.json``; prints Markdown.
"""

import argparse
import json
from pathlib import Path
from statistics import mean

import click
from tables import table

from explainable_seg.classes import CLASSES

MEASURES = (
    "nmf_error",
    "error",
    "error_ratio",
    "nmf_atoms",
    "atoms",
    "atoms_ratio",
    "dead",
    "correlation",
    "permuted_correlation",
    "heard_relevance",
    "supported_relevance",
)
BANDS = ("0-100 Hz", "100-1k Hz", "1k-4k Hz", "4k-8k Hz")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", nargs="+", default=["1986"])
    options = parser.parse_args()
    rows = [
        [part, stage, seed, *f1s(options.folder / stage / seed / part)]
        for part in ("dev", "test")
        for stage in ("teacher", "student")
        for seed in options.seeds
    ]
    for part in ("dev", "test"):
        for stage in ("teacher", "student"):
            group = [r[3:] for r in rows if r[:2] == [part, stage]]
            rows.append([part, stage, "mean", *map(mean, zip(*group))])
    show(["part", "model", "seed", *CLASSES, "macro"], rows)
    grounding = [
        read(options.folder / "student" / seed / "grounding.json")
        for seed in options.seeds
    ]
    show(
        ["part", "measure", *options.seeds, "mean"],
        [
            [part, name, *values, mean(values)]
            for part in ("dev", "test")
            for name in MEASURES
            if (values := [g[part][name] for g in grounding])
        ],
    )
    shares = [g["test_band_shares"] for g in grounding]
    show(
        ["positive relevance of", *BANDS],
        [
            [name, *(mean(b) for b in zip(*(s[name] for s in shares)))]
            for name in ("input", *CLASSES)
        ],
    )


def read(path: Path) -> dict:
    """Content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def f1s(folder: Path) -> list[float]:
    """F1 of each class and their mean."""
    scores = read(folder / "scores.json")
    return [
        *(scores["classes"][name]["f1"] for name in CLASSES),
        scores["macro_f1"],
    ]


def show(head: list[str], rows: list[list]) -> None:
    """Print a table in Markdown."""
    click.echo(table(head, rows))


if __name__ == "__main__":
    main()

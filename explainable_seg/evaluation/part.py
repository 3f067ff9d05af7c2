"""Models on a part of a corpus, in one pass: scores and their intervals."""

import logging
import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyannote.core import Segment, Timeline
from tqdm import tqdm

from explainable_seg.classes import CLASSES, class_columns
from explainable_seg.corpora import (
    Region,
    Truth,
    annotated_time,
    heard_time,
    load_truth,
    read_region,
    region_targets,
)
from explainable_seg.decisions import (
    Rules,
    Segmentation,
    decide,
    make_rules,
    write_segmentation_rttm,
)
from explainable_seg.errors import ManifestError
from explainable_seg.evaluation.curves import (
    CalibrationStats,
    PrecisionRecallStats,
    f1_differences,
    f1_intervals,
)
from explainable_seg.evaluation.detection import (
    Spans,
    format_table,
    read_spans,
    score,
)
from explainable_seg.evaluation.representation import (
    AgreementStats,
    ReconstructionStats,
)
from explainable_seg.files import atomic_write_json
from explainable_seg.frames import SAMPLE_RATE, WINDOW, num_frames
from explainable_seg.inference import DEFAULT_MODEL, check_logits, run_model
from explainable_seg.models import (
    Evidence,
    Outputs,
    Runner,
    Student,
    Teacher,
    choose_device,
    find_folder,
    load_pretrained,
)

logger = logging.getLogger(__name__)


def segment_region(
    runner: Runner, rules: Rules, region: Region
) -> Segmentation:
    """Segmentation of a region by a model.

    Arguments
    ---------
    runner : Runner
        What runs the model.
    rules : Rules
        How to decide.
    region : Region
        A whole recording.

    Returns
    -------
    Segmentation
    """
    segmentation, _ = run_model(
        runner, [read_region(region)], rules, region.recording
    )
    return segmentation


def score_regions(
    runner: Runner,
    config: Mapping[str, Any],
    regions: Sequence[Region],
    folder: Path,
) -> dict[str, Any]:
    """Segment the recordings of a manifest and score what was found.

    Writes ``<folder>/rttm/<recording>.rttm`` and ``<folder>/scores.json``, the
    latter as ``explainable-seg evaluate`` would.

    Arguments
    ---------
    runner : Runner
        What runs the model.
    config : Mapping[str, Any]
        ``thresholds`` and the optional rules of a pretrained folder.
    regions : Sequence[Region]
        Whole recordings.
    folder : pathlib.Path
        Where to write.

    Returns
    -------
    dict
        As :func:`~explainable_seg.evaluation.detection.evaluate`, of the
        classes that the model was trained for; None where it does not decide.
    """
    truths, rules = load_truth(regions), make_rules(config)
    for region in regions:
        found = segment_region(runner, rules, region)
        write_segmentation_rttm(
            found, folder / "rttm" / f"{region.recording}.rttm"
        )
    scores = score(
        heard_time(truths),
        read_spans(folder / "rttm"),
        scored_time(annotated_time(regions, truths), rules),
    )
    atomic_write_json(folder / "scores.json", scores)
    logger.info("%s\n%s", folder, format_table(scores))
    return scores


def scored_time(
    annotated: Mapping[str, Mapping[str, Timeline]], rules: Rules
) -> dict[str, dict[str, Timeline]]:
    """Time to score a model on, for each class that it was trained for.

    Arguments
    ---------
    annotated : Mapping[str, Mapping[str, Timeline]]
        For each class and recording where it is annotated.
    rules : Rules
        Of the model.

    Returns
    -------
    dict[str, dict[str, Timeline]]
        Nothing of a class without a threshold, whose scores are then None.
    """
    return {
        name: {
            uri: time if name in rules.decided else Timeline()
            for uri, time in annotated[name].items()
        }
        for name in rules.classes
    }


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A teacher or a student, ready to be measured.

    Arguments
    ---------
    name : str
        What tables call it.
    module : Teacher or Student
        On the device where it shall run.
    config : dict[str, Any]
        Window, thresholds and the rest of its config.json.
    runner : Runner
        What runs it.
    """

    name: str
    module: Teacher | Student
    config: dict[str, Any]
    runner: Runner

    @classmethod
    def load(
        cls,
        name: str,
        source: str | os.PathLike[str] | None = None,
        device: str = "auto",
        precision: str = "auto",
    ) -> "LoadedModel":
        """Load a pretrained folder.

        Arguments
        ---------
        name : str
            What tables call it.
        source : str or os.PathLike, optional
            A folder, or a hub id; by default the model that ships with the
            package.
        device : str
            ``cpu``, ``cuda`` or ``auto``.
        precision : str
            ``fp32``, ``bf16`` or ``auto``.

        Returns
        -------
        LoadedModel

        Raises
        ------
        ModelError
            If there is no such model, or a file of it is missing or corrupt.
        ExplainableSegError
            If the device or the precision is not there.
        """
        folder = find_folder(DEFAULT_MODEL if source is None else source)
        module, config = load_pretrained(folder, choose_device(device))
        assert isinstance(module, (Teacher, Student))  # all that can be built
        runner = Runner.of(module, config, precision)
        return cls(name, module, config, runner)

    @property
    def dictionary(self) -> torch.Tensor | None:
        """Atoms W [F, K] of a student; a teacher has none."""
        if isinstance(self.module, Student):
            return self.module.dictionary
        return None


TUNED = "tuned"
"""Name of the points of decision of the model itself."""
HALF = "half"
"""Name of the points of decision that are all 0.5."""
BY_H = "by_h"
"""Rebuilt from the activations H of the student."""
BY_CODE = "by_code"
"""Rebuilt from the sparse code of the spectrogram."""
EVIDENCE: Set[Evidence] = {"activations", "spectrogram", "code"}


class _ModelStats:
    """Sums and segments of one model."""

    def __init__(self, model: LoadedModel):
        self.model = model
        self.rules = {
            TUNED: make_rules(model.config),
            HALF: make_rules(model.config, {"thresholds": 0.5}),
        }
        self.found: dict[str, dict[str, dict[str, Timeline]]]
        self.found = {point: {} for point in self.rules}
        classes = model.module.classes
        self.columns = class_columns(classes)
        self.curves = PrecisionRecallStats(classes)
        self.calibration = CalibrationStats(classes=classes)
        self.reconstruction: dict[str, ReconstructionStats] = {}
        if model.dictionary is not None:
            W = model.dictionary.cpu()
            for name in (BY_H, BY_CODE):
                self.reconstruction[name] = ReconstructionStats(W)

    @property
    def thresholds(self) -> dict[str, float | None]:
        """The model's own."""
        return self.rules[TUNED].thresholds

    def add(
        self, region: Region, audio: np.ndarray, targets: torch.Tensor
    ) -> torch.Tensor:
        """Run the model on a region; its logits [T, C].

        Evidence is counted as it comes: that of an hour would take 0.5 GB.
        """
        logits: list[torch.Tensor] = []
        first = 0
        for outputs in self.model.runner.stream([audio], EVIDENCE):
            logits.append(outputs.logits)
            last = first + len(outputs.logits)
            self._add_frames(outputs, targets[first:last])
            first = last
        whole = torch.cat(logits)
        self._add_segments(region, whole, len(audio) / SAMPLE_RATE)
        return whole

    def _add_frames(self, outputs: Outputs, targets: torch.Tensor) -> None:
        """Add consecutive frames: logits, and the evidence of a student."""
        check_logits(outputs.logits)
        ours = targets[:, self.columns]
        self.curves.update(outputs.logits, ours)
        self.calibration.update(outputs.logits, ours)
        if self.reconstruction:
            said = outputs.named()
            X = said["spectrogram"]
            self.reconstruction[BY_H].update(X, said["activations"], targets)
            self.reconstruction[BY_CODE].update(X, said["code"], targets)

    def _add_segments(
        self, region: Region, logits: torch.Tensor, duration: float
    ) -> None:
        """Add what is found in a region at each point of decision."""
        probabilities = logits.sigmoid().numpy()
        for point, rules in self.rules.items():
            found = self.found[point].setdefault(
                region.recording, {name: Timeline() for name in CLASSES}
            )
            for segment in decide(
                probabilities, rules, duration, region.start_s
            ):
                found[segment.label].add(Segment(segment.start, segment.end))

    def summary(self, reference: Spans, time: Spans) -> dict[str, Any]:
        """All measures of the model."""
        scores = {
            point: score(reference, found, scored_time(time, self.rules[point]))
            for point, found in self.found.items()
        }
        model = self.model.module.config
        return {
            "type": model["type"],
            "frontend": model["frontend"]["type"],
            "thresholds": self.thresholds,
            **scores,
            "f1_intervals": f1_intervals(scores[TUNED]["files"]),
            "average_precision": self.curves.average_precision(),
            "curves": {
                name: curve.thinned().as_lists() if curve else None
                for name, curve in self.curves.curves().items()
            },
            "calibration": self.calibration.summary(),
            "reconstruction": {
                name: stats.summary()
                for name, stats in self.reconstruction.items()
            }
            or None,
        }


class _PairStats:
    """Agreement of a model with one that was named before it."""

    def __init__(self, later: _ModelStats, earlier: _ModelStats):
        self.names = [later.model.name, earlier.model.name]
        self.agreement = AgreementStats(later.thresholds, earlier.thresholds)

    def add(
        self, logits: Mapping[str, torch.Tensor], targets: torch.Tensor
    ) -> None:
        """Add a region, from the logits of each model."""
        ours, theirs = (logits[name] for name in self.names)
        self.agreement.update(ours, theirs, targets)

    def summary(self, models: Mapping[str, Any]) -> dict[str, Any]:
        """All measures of the pair, from the summaries of the models."""
        ours, theirs = (
            {
                uri: {name: row[name] for name in self.agreement.classes}
                for uri, row in models[model][TUNED]["files"].items()
            }
            for model in self.names
        )
        return {
            "models": self.names,
            "agreement": self.agreement.summary(),
            "f1_differences": f1_differences(ours, theirs)
            if self.agreement.classes
            else {},
        }


def evaluate_part(
    models: Sequence[LoadedModel], regions: Sequence[Region]
) -> dict[str, Any]:
    """Measure models on the recordings of a manifest.

    Arguments
    ---------
    models : Sequence[LoadedModel]
        Models of different names.
    regions : Sequence[Region]
        Rows of the manifest.

    Returns
    -------
    dict[str, Any]
        Plain values. ``recordings``, ``seconds``, and under ``models`` for
        each name:

        - ``type``, ``frontend``, ``thresholds``;
        - ``tuned`` and ``half``: as
          :func:`~explainable_seg.evaluation.detection.evaluate`, at these
          thresholds and at 0.5;
        - ``f1_intervals`` of the former, ``average_precision`` and ``curves``
          a class;
        - ``calibration``, as
          :class:`~explainable_seg.evaluation.curves.CalibrationStats`;
        - ``reconstruction`` of a student, ``by_h`` and ``by_code`` (the sparse
          code that H starts from), as
          :class:`~explainable_seg.evaluation.representation.ReconstructionStats`;
          None for a teacher.

        Under ``pairs``, for each model beside each earlier one: ``models``
        (both names), ``agreement``
        (:class:`~explainable_seg.evaluation.representation.AgreementStats`) and
        ``f1_differences`` (later minus earlier, at the tuned thresholds).
        A model has figures of the classes that it was trained for, a pair of
        those of both. What is not annotated is None.

    Raises
    ------
    ManifestError
        If there is no region, or one is shorter than a frame.
    AnnotationError
        If an annotation file is missing or breaks its format.
    ValueError
        If two models have the same name.
    """
    if len({model.name for model in models}) < len(models):
        raise ValueError("expected models of different names")
    if not regions:
        raise ManifestError(
            "expected a recording to evaluate, got none, in the manifest; "
            "prepare the corpus again"
        )
    truths = load_truth(regions)
    stats = [_ModelStats(model) for model in models]
    pairs = [_PairStats(late, early) for early, late in combinations(stats, 2)]
    for region in tqdm(regions, disable=None, unit="recording"):
        audio = _read(region)
        targets = _targets(region, truths, len(audio))
        logits = {
            one.model.name: one.add(region, audio, targets) for one in stats
        }
        for pair in pairs:
            pair.add(logits, targets)
    reference, time = heard_time(truths), annotated_time(regions, truths)
    summaries = {one.model.name: one.summary(reference, time) for one in stats}
    return {
        "recordings": len(truths),
        "seconds": sum(region.duration for region in regions),
        "models": summaries,
        "pairs": [pair.summary(summaries) for pair in pairs],
    }


def _read(region: Region) -> np.ndarray:
    """Audio of a region that has a frame at least."""
    audio = read_region(region)
    if len(audio) < WINDOW:
        raise ManifestError(
            f"expected {WINDOW} samples at 16 kHz or more, got {len(audio)}, "
            f"in region {region.id} of {region.wav}; take it out of the "
            "manifest"
        )
    return audio


def _targets(
    region: Region, truths: Mapping[str, Truth], n_samples: int
) -> torch.Tensor:
    """Targets [T, C] of a region's audio."""
    truth = truths[region.recording]
    n_frames = num_frames(n_samples)
    return torch.from_numpy(region_targets(region, truth, n_frames=n_frames))

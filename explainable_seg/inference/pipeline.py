"""From audio to segments: windows, stitching and decisions in one pass."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil, inf
from typing import Any

import numpy as np
import torch

from explainable_seg.audio import levelled
from explainable_seg.brief import Brief
from explainable_seg.decisions import Rules, Segmentation, decide, make_rules
from explainable_seg.errors import AudioError, ExplainableSegError, ModelError
from explainable_seg.explanation import (
    Explanation,
    Reading,
    StudentWeights,
    explain_class,
    make_reading,
)
from explainable_seg.frames import FRAME_STEP, HOP, SAMPLE_RATE, WINDOW
from explainable_seg.models import BATCH_SIZE, Predict, joined, stitch_blocks
from explainable_seg.nmf import sparse_code

Part = tuple[torch.Tensor, ...]


def run_model(
    predict: Predict,
    blocks: Iterable[np.ndarray],
    config: Mapping[str, Any],
    uri: str,
    rules: Rules | None = None,
    start: float = 0.0,
    batch_size: int = BATCH_SIZE,
    keep: Callable[[Part], Part] = lambda part: part,
    hear: Callable[[np.ndarray], object] = lambda block: None,
) -> tuple[Segmentation, tuple[torch.Tensor, ...]]:
    """Segmentation of a recording that comes in blocks.

    Arguments
    ---------
    predict : callable
        Maps audio [B, N] to logits [B, T, C], and further tensors [B, T, ...].
    blocks : Iterable[np.ndarray]
        Audio at 16 kHz, [N] each, 400 samples or more in all.
    config : Mapping[str, Any]
        ``window``, ``step``, ``thresholds`` and the optional settings of a
        pretrained folder, such as the ``level`` of what the model hears.
    uri : str
        Name of the recording.
    rules : Rules, optional
        How to decide; by default as the configuration says.
    start : float
        Where in the recording the audio begins, seconds.
    batch_size : int
        Windows at a time; the result does not depend on it.
    keep : callable
        Maps consecutive frames of all that ``predict`` gives to what is held
        of them, the logits first; by default all.
    hear : callable
        Is given consecutive audio as the model hears it.

    Returns
    -------
    tuple[Segmentation, tuple[torch.Tensor, ...]]
        What was found, and all that is held, over the whole recording [T, ...].

    Raises
    ------
    ModelError
        If what the model says are no numbers.
    """
    heard = levelled(blocks, config.get("level"))
    counted = _Counted(heard, hear)
    parts = stitch_blocks(
        predict,
        counted,
        config["window"],
        config["step"],
        batch_size,
        config.get("context", 0),
    )
    outputs = joined(keep(part) for part in parts if part)
    check_logits(outputs[0])
    probabilities = outputs[0].sigmoid().numpy()
    duration = counted.n_samples / SAMPLE_RATE
    rules = rules or make_rules(config)
    segmentation = Segmentation(
        uri=uri,
        duration=duration,
        segments=decide(probabilities, rules, duration, start),
        probabilities=probabilities,
        classes=rules.classes,
        start=start,
        rules=rules,
    )
    return segmentation, outputs


def check_logits(logits: torch.Tensor) -> None:
    """Raise if a model says something that is no number.

    Arguments
    ---------
    logits : torch.Tensor [shape=(...)]
        What it says.

    Raises
    ------
    ModelError
        If one is not finite: weights may be finite and yet too large.
    """
    if not bool(torch.isfinite(logits).all()):
        raise ModelError(
            "expected finite logits, got NaN or infinity, from the model; its "
            "weights are broken, or too large for the precision: copy the "
            "model again, or use fp32"
        )


class _Counted:
    """Blocks as tensors, and how many samples they had."""

    def __init__(
        self,
        blocks: Iterable[np.ndarray],
        hear: Callable[[np.ndarray], object],
    ):
        self.blocks = blocks
        self.hear = hear
        self.n_samples = 0

    def __iter__(self) -> Iterator[torch.Tensor]:
        for block in self.blocks:
            self.n_samples += len(block)
            self.hear(block)
            yield torch.from_numpy(block)


LONGEST = 2 * 3600  # seconds that are explained: about 1 GB
CODE_SWEEPS = 20
"""Sweeps of the sparse code that activations are compared with."""


@dataclass(frozen=True, eq=False, repr=False)
class Analysis(Brief):
    """All that the student says of a recording, from one pass over it.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    reading : Reading
        Audio, spectrogram, activations and logits of the recording, or of the
        part of it that is to be explained.
    """

    segmentation: Segmentation
    reading: Reading


class Held:
    """What is held of a recording to explain it, up to a limit.

    Arguments
    ---------
    name : str
        The recording, for the message.
    start, end : float, optional
        The part that is held, seconds; by default all of it.
    """

    def __init__(
        self, name: str, start: float | None = None, end: float | None = None
    ):
        self.name = name
        # A frame more on either side, so that no rounding leaves one out.
        self.first = max(0, int((start or 0.0) / FRAME_STEP) - 1)
        self.last = inf if end is None else ceil(end / FRAME_STEP) + 2
        self.blocks: list[np.ndarray] = []
        self.n_samples = 0
        self._n_heard = 0  # samples
        self._n_read = 0  # frames

    @property
    def start(self) -> float:
        """Where it begins in the recording, seconds."""
        return self.first * FRAME_STEP

    def hear(self, block: np.ndarray) -> None:
        """Hold what belongs to the part of the next samples [N].

        Raises
        ------
        AudioError
            If the part is longer than LONGEST.
        """
        low = max(0, self.first * HOP - self._n_heard)
        high = (self.last - 1) * HOP + WINDOW - self._n_heard
        self._n_heard += len(block)
        held = block[low : int(max(0, min(high, len(block))))]
        self.n_samples += len(held)
        if self.n_samples > LONGEST * SAMPLE_RATE:
            raise AudioError(
                f"expected up to {LONGEST / 3600:g} h to explain, got more, in "
                f"{self.name or 'the audio'}; say what to explain with --start "
                "and --end"
            )
        self.blocks.append(held)

    def keep(self, part: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Of the next frames of all outputs the logits, and those held."""
        n_frames = len(part[0])
        low = max(0, self.first - self._n_read)
        high = int(max(0, min(self.last - self._n_read, n_frames)))
        self._n_read += n_frames
        # Copies, so that what is not held is freed.
        return part[0], *(values[low:high].clone() for values in part[1:])

    def reading(
        self, outputs: tuple[torch.Tensor, ...], rules: Rules
    ) -> Reading:
        """What was held, as one reading."""
        logits, activations, spectrogram = outputs
        last = self.first + len(activations)
        return make_reading(
            np.concatenate(self.blocks),
            spectrogram,
            activations,
            logits[self.first : last],
            self.name,
            rules,
            self.start,
        )


def explain_analysis(
    analysis: Analysis,
    weights: StudentWeights,
    mu: float,
    label: str,
    start: float | None = None,
    end: float | None = None,
) -> Explanation:
    """Say why a class was found, or not, in what was analysed.

    Arguments
    ---------
    analysis : Analysis
        Of the whole recording.
    weights : StudentWeights
        Of the student that made it.
    mu : float
        Sparsity weight of the code that activations are compared with.
    label : str
        One of the classes that the student was trained for.
    start : float, optional
        Start of the span, seconds.
    end : float, optional
        End of the span, seconds; without both, the frames where the class was
        found.

    Returns
    -------
    Explanation

    Raises
    ------
    ExplainableSegError
        If the span is none, or the class was not found and there is no span.
    """
    found = analysis.segmentation
    return explain_class(
        analysis.reading,
        weights,
        label,
        start,
        end,
        spans={name: found.spans(name) for name in found.labels},
        transform=lambda X, W: sparse_code(X, W, mu, CODE_SWEEPS),
    )


def check_span(start: float | None, end: float | None) -> None:
    """Raise if a span ends before it starts, before any work is done on it.

    Arguments
    ---------
    start : float, optional
        Seconds.
    end : float, optional
        Seconds.

    Raises
    ------
    ExplainableSegError
        If there are both and the end is not after the start.
    """
    if start is not None and end is not None and not start < end:
        raise ExplainableSegError(
            f"expected an end after the start, got {start:g} to {end:g} s, in "
            "the span to explain; swap or change them"
        )

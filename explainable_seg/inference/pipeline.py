"""From audio to segments: windows, stitching and decisions in one pass."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from explainable_seg.audio.level import levelled
from explainable_seg.errors import ModelError
from explainable_seg.frames import SAMPLE_RATE
from explainable_seg.inference.decisions import decide
from explainable_seg.inference.rules import Rules, make_rules
from explainable_seg.inference.segmentation import Segmentation
from explainable_seg.inference.windows import (
    BATCH_SIZE,
    Predict,
    joined,
    stitch_blocks,
)

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
        Maps audio [B, N] to logits [B, T, C], and further tensors [B, T, *].
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
        What was found, and all that is held, over the whole recording [T, *].

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

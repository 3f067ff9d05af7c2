"""Passages of each class, and what the atoms make of them."""

from collections.abc import Sequence
from typing import Optional

import torch

from explainable_seg.classes import CLASSES, implies
from explainable_seg.data.manifest import Region
from explainable_seg.data.truth import (
    RegionGains,
    heard_spans,
    load_truth,
    read_region,
)
from explainable_seg.nmf.converged import converged_code
from explainable_seg.nmf.numerics import full_precision

LONGEST = 3.0  # seconds
SHORTEST = 0.5
OTHERS = {  # that are not to be heard beside the class
    name: [c for c in CLASSES if not implies(name, c) and not implies(c, name)]
    for name in CLASSES
}


@torch.no_grad()
@full_precision
def class_examples(
    regions: Sequence[Region],
    spectrogram: torch.nn.Module,
    W: torch.Tensor,
    mu: float,
    level: Optional[float] = None,
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """For each class the longest passage that has it alone, and its rebuilding.

    Arguments
    ---------
    regions : Sequence[Region]
        Rows of a manifest.
    spectrogram : torch.nn.Module
        Audio [1, N] to frames [1, T, F].
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    mu : float
        Sparsity weight of the transform.
    level : float, optional
        What recordings are brought to, dB re full scale.

    Returns
    -------
    dict[str, tuple[torch.Tensor, torch.Tensor]]
        ``X`` and ``H W'``, both [T, F], on the CPU; classes that are never
        heard alone for half a second are left out.
    """
    truths = load_truth(regions)
    gains = None if level is None else RegionGains(regions, level)
    examples = {}
    for name in CLASSES:
        spans = [
            (end - start, start, region)
            for region in regions
            for start, end in heard_spans(
                region, truths[region.recording], name, OTHERS[name]
            )
        ]
        length, start, region = max(
            spans, key=lambda span: span[0], default=(0.0, 0.0, None)
        )
        if region is None or length < SHORTEST:
            continue
        audio = read_region(region, start, min(length, LONGEST), gains)
        X = spectrogram(torch.from_numpy(audio)[None].to(W.device))[0]
        rebuilt = converged_code(X, W, mu) @ W.T
        examples[name] = (X.cpu(), rebuilt.cpu())
    return examples

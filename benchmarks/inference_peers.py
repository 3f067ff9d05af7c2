"""Other people's detectors, run on the same audio as ours.

silero-vad finds speech. Of pyannote.audio it is the architecture of the
segmentation model, PyanNet, with random weights: what it costs, not what it
finds. It slides windows of 10 s by 10 %, as its authors do, and, beside that,
by whole windows.
"""

import logging
import tempfile
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from explainable_seg.audio import load_audio
from explainable_seg.classes import CLASSES
from explainable_seg.decisions import WRITERS, Segment, Segmentation
from explainable_seg.evaluation import evaluate

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16000
WINDOW = 10.0  # seconds, of pyannote.audio's segmentation models
MODULES = {"silero-vad": "silero_vad", "pyannote.audio": "pyannote.audio"}

Detector = Callable[[torch.Tensor], Any]  # of mono audio at 16 kHz, [N]


def load_silero() -> Detector:
    """Detector of silero-vad; it sets the number of threads to one."""
    from silero_vad import get_speech_timestamps, load_silero_vad

    vad = load_silero_vad()
    return lambda sound: get_speech_timestamps(sound, vad, return_seconds=True)


def load_pyannote(step: float) -> Detector:
    """Sliding PyanNet of random weights; ``step`` as a share of the window."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyannote.audio import Inference
        from pyannote.audio.core.task import Problem, Resolution, Specifications
        from pyannote.audio.models.segmentation import PyanNet

    torch.manual_seed(0)
    model = PyanNet(sample_rate=SAMPLE_RATE, num_channels=1)
    model.specifications = Specifications(
        problem=Problem.MULTI_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=WINDOW,
        classes=list(CLASSES),
    )
    model.build()
    infer = Inference(model.eval(), step=step * WINDOW)
    return lambda sound: infer(
        {"waveform": sound[None], "sample_rate": SAMPLE_RATE}
    )


PEERS: dict[str, Callable[[], Detector]] = {
    "silero-vad": load_silero,
    "pyannote.audio, step 10 %": partial(load_pyannote, 0.1),
    "pyannote.audio, step 100 %": partial(load_pyannote, 1.0),
}


def installed_peers() -> list[str]:
    """Names of the peers that can be run here."""
    missing = {
        name
        for name, module in MODULES.items()
        if find_spec(module.partition(".")[0]) is None or not _found(module)
    }
    if missing:
        logger.warning("not installed: %s", ", ".join(sorted(missing)))
    return [name for name in PEERS if name.partition(",")[0] not in missing]


def _found(module: str) -> bool:
    """Whether a module of a package that may be a namespace is there."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def run_peer(name: str, path: Path) -> None:
    """One pass of a peer over a file, as a whole, as they take it."""
    PEERS[name]()(torch.from_numpy(load_audio(path)))


def silero_f1(files: Sequence[Path], rttm: Path) -> float:
    """Speech F1 of silero-vad with its own defaults."""
    detect = load_silero()
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            sound = torch.from_numpy(load_audio(file))
            found = Segmentation(
                uri=file.stem,
                duration=len(sound) / SAMPLE_RATE,
                segments=[
                    Segment(span["start"], span["end"], "speech")
                    for span in detect(sound)
                ],
                probabilities=np.zeros((0, len(CLASSES))),
            )
            WRITERS["rttm"].write(found, Path(folder, f"{file.stem}.rttm"))
        scores = evaluate(rttm, folder, classes=["speech"])
    return float(scores["classes"]["speech"]["f1"])

"""Small data for SpeechBrain's recipe tests, a folder a dataset.

The corpora are those of our own tests, laid out as their owners unpack them;
their audio is thinned to 8 kHz so that no file is above a megabyte.
"""

import shutil
from pathlib import Path

import layouts
import soundfile
import torch

from explainable_seg.classes import CLASSES
from explainable_seg.models import (
    SPEECHBRAIN_FILES,
    build_model,
    save_pretrained,
)
from explainable_seg.training import Dictionary, save_dictionary

SAMPLES = "tests/samples/segmentation"
RATE = 8000  # Hz
N_ATOMS, N_BINS = 8, 257
LEVEL = -20.0  # dB re full scale, as in all recipes
TCN = {"n_blocks": 1, "n_layers": 1, "n_channels": 4, "n_hidden": 4}
CLIPS = """\
path,class,group,duration,speech_spans
../audio/AragonRadio/20080101_10-00-00.wav,noise,a,10,
"""


def write_samples(clone: Path) -> None:
    """Write a corpus a dataset, a teacher and a dictionary.

    Arguments
    ---------
    clone : pathlib.Path
        SpeechBrain's repository.
    """
    folder = clone / SAMPLES
    shutil.rmtree(folder, ignore_errors=True)  # a layout appends to files
    layouts.write_albayzin(folder / "Albayzin")
    layouts.write_openbmat(folder / "OpenBMAT")
    layouts.write_allies(folder / "ALLIES")
    layouts.write_dihard3(folder / "DIHARD3")
    layouts.write_aragonradio(folder / "AragonRadio")
    layouts.write_aragonradio(folder / "RealBroadcast")
    for path in (folder / "RealBroadcast").rglob("*.rttm"):
        overlap = layouts.rttm_text(path.stem, [(1.0, 1.5, "ov")])
        layouts.write_text(path, path.read_text(encoding="utf-8") + overlap)
    clips = folder / "RealBroadcast/clips/clips.csv"
    clips.parent.mkdir(exist_ok=True)
    clips.write_text(CLIPS, encoding="utf-8")
    for path in [*folder.rglob("*.wav"), *folder.rglob("*.flac")]:
        if not path.name.startswith("._"):
            _thin(path)
    for path in [*folder.rglob("*.txt"), *folder.rglob("*.csv")]:
        # The ends of lines of others, which SpeechBrain's linters refuse.
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
    _write_models(folder)


def _thin(path: Path) -> None:
    """Keep one channel and, of its samples, about 8000 a second."""
    audio, rate = soundfile.read(path, dtype="int16", always_2d=True)
    step = max(1, rate // RATE)
    soundfile.write(path, audio[::step, 0], rate // step)


def _write_models(folder: Path) -> None:
    """A teacher and a dictionary of random weights, for students."""
    torch.manual_seed(0)
    model = build_model(
        {"type": "teacher", "frontend": {"type": "spectrogram"}, "tcn": TCN}
    )
    config = {
        "window": 4.0,
        "step": 2.0,
        "context": 0,
        "level": LEVEL,
        "thresholds": dict.fromkeys(CLASSES, 0.5),
    }
    save_pretrained(
        folder / "teacher", model, config, "# A teacher of random weights\n"
    )
    for name in SPEECHBRAIN_FILES:  # they name our package
        (folder / "teacher" / name).unlink()
    atoms = torch.nn.functional.normalize(torch.rand(N_BINS, N_ATOMS), dim=0)
    save_dictionary(
        folder / "dictionary.safetensors", Dictionary(atoms, mu=0.01)
    )

"""Passages that show what atoms make of a class."""

import numpy as np
import soundfile
import torch

from explainable_seg.corpora.manifest import Region
from explainable_seg.evaluation.representation import (
    ReconstructionStats,
    class_examples,
)
from explainable_seg.features.spectrogram import LogPowerSpectrogram
from explainable_seg.nmf import SparseNMF
from explainable_seg.pages.figures import save_pictures

RATE = 16000
TURNS = {"speech": (0.0, 6.0), "music": (4.0, 9.0), "overlap": (1.0, 1.2)}


def make_region(folder):
    """Ten seconds: a low tone for speech, a high one for music."""
    t = np.arange(10 * RATE) / RATE
    audio = 0.01 * np.random.default_rng(0).standard_normal(len(t))
    for name, hz in (("speech", 300), ("music", 3000)):
        start, end = TURNS[name]
        audio += 0.3 * np.sin(2 * np.pi * hz * t) * ((t >= start) & (t < end))
    soundfile.write(folder / "show.wav", audio, RATE)
    (folder / "show.rttm").write_text(
        "".join(
            f"SPEAKER show 1 {a} {b - a} <NA> <NA> {name} <NA> <NA>\n"
            for name, (a, b) in TURNS.items()
        )
    )
    (folder / "show.uem").write_text("show 1 0 10\n")
    uem = str(folder / "show.uem")
    return Region(
        id="show",
        duration=10.0,
        wav=str(folder / "show.wav"),
        start=0,
        stop=10 * RATE,
        sample_rate=RATE,
        recording="show",
        rttm=str(folder / "show.rttm"),
        uems=dict.fromkeys(("speech", "music", "noise", "overlap"), uem),
    )


def test_examples_are_of_a_class_alone_and_pictures_are_drawn(tmp_path):
    region = make_region(tmp_path)
    spectrogram = LogPowerSpectrogram(512)
    audio, _ = soundfile.read(tmp_path / "show.wav", dtype="float32")
    X = spectrogram(torch.from_numpy(audio)[None])[0]
    nmf = SparseNMF(16, mu=1.0).fit(X)
    examples = class_examples([region], spectrogram, nmf.dictionary, 1.0)
    # Noise is never heard, overlap too shortly.
    assert set(examples) == {"speech", "music"}
    bins = {"speech": round(300 / 31.25), "music": round(3000 / 31.25)}
    for name, other in (("speech", "music"), ("music", "speech")):
        heard, rebuilt = examples[name]
        assert len(heard) == 149  # frames of 3 s
        assert heard[:, bins[name]].min() > 2 * heard[:, bins[other]].max()
        assert (heard - rebuilt).norm() < 0.5 * heard.norm()
    stats = ReconstructionStats(nmf.dictionary)
    targets = torch.full((len(X), 4), -1)
    targets[:, :2] = 1
    stats.update(X, nmf.transform(X), targets)
    save_pictures(tmp_path, nmf.dictionary, stats.summary(), examples)
    for name in ("dictionary", "reconstruction"):
        picture = (tmp_path / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG") and len(picture) > 5000

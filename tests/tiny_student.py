"""A student that is tiny and reproducible, and tones to run it on."""

from pathlib import Path

import numpy as np
import torch

from explainable_seg.classes import CLASSES
from explainable_seg.models.pretrained import save_pretrained
from explainable_seg.models.student import Student, build_model

torch.set_num_threads(1)  # more only gets in the way of so small a model

N_ATOMS = 6
CONFIG = {
    "window": 2.0,
    "step": 1.0,
    # Speech is always found, music where the tones are, the others never.
    "thresholds": {"speech": 0.0, "music": 0.5, "noise": 1.0, "overlap": 1.0},
    "min_on": {"music": 0.1},
    "min_off": {"music": 0.1},
    "nmf_error": 0.3,
}


def make_student() -> Student:
    """Student of random weights whose atom 0 is the tones, and music.

    Its activations start as the sparse code of the sound, so that music is
    found in the frames in which atom 0 is loud. The same at each call.
    """
    torch.manual_seed(0)
    student = build_model(
        {
            "type": "student",
            "frontend": {"type": "spectrogram"},
            "tcn": {"n_blocks": 1, "n_layers": 2, "n_channels": 8},
            "n_atoms": N_ATOMS,
        }
    )
    assert isinstance(student, Student)
    tone = student.spectrogram(torch.from_numpy(tones(1.0))[None])[0, 10]
    W = torch.rand(len(tone), N_ATOMS)
    W[:, 0] = tone
    student.dictionary.copy_(torch.nn.functional.normalize(W, dim=0))
    music = CLASSES.index("music")
    with torch.no_grad():
        student.classifier.weight[music] = 0.0
        student.classifier.weight[music, 0] = 1.0
        student.classifier.bias[music] = -tone.norm() / 2
    return student.eval()


def make_wavlm_student() -> Student:
    """Student of random weights on a tiny WavLM. The same at each call."""
    torch.manual_seed(0)
    architecture = {
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "conv_dim": [4] * 7,
        "num_conv_pos_embeddings": 8,
        "num_conv_pos_embedding_groups": 2,
    }
    student = build_model(
        {
            "type": "student",
            "frontend": {"type": "wavlm", "architecture": architecture},
            "tcn": {"n_blocks": 1, "n_layers": 2, "n_channels": 8},
            "n_atoms": N_ATOMS,
        }
    )
    assert isinstance(student, Student)
    W = torch.rand_like(student.dictionary)
    student.dictionary.copy_(torch.nn.functional.normalize(W, dim=0))
    return student.eval()


def save_student(folder: Path) -> Path:
    """The same student as a pretrained folder."""
    save_pretrained(folder, make_student(), CONFIG, "# A tiny student\n")
    return folder


def tones(seconds: float, sample_rate: int = 16000) -> np.ndarray:
    """Mono float audio: tones that come and go, over a little noise.

    They sound in the first half of every period of 1 / 0.7 s.
    """
    n = round(seconds * sample_rate)
    time = np.arange(n) / sample_rate
    noise = np.random.default_rng(0).standard_normal(n)
    gate = np.sin(2 * np.pi * 0.7 * time) > 0
    tone = np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 1250 * time)
    return (0.2 * gate * tone + 0.001 * noise).astype(np.float32)

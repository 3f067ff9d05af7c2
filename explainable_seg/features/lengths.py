"""What every front end asks of the length of its input."""

import torch

from explainable_seg.errors import AudioError
from explainable_seg.frames import WINDOW


def require_frame(wav: torch.Tensor) -> None:
    """Raise unless the audio holds a frame.

    Arguments
    ---------
    wav : torch.Tensor [shape=(..., N)]
        Audio at 16 kHz.

    Raises
    ------
    AudioError
        If N is below the 400 samples of a frame.
    """
    if wav.shape[-1] < WINDOW:
        raise AudioError(
            f"expected at least {WINDOW} samples at 16 kHz, got {wav.shape[-1]}"
        )

"""Sound and pictures as ``data:`` addresses, so that a page needs no file."""

import base64

import numpy as np

from explainable_seg.audio.files import encode_audio

MEDIA = {"MP3": "audio/mpeg", "WAV": "audio/wav"}  # the smallest first


def audio_address(audio: np.ndarray) -> str:
    """Audio for a player in a page.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono audio at 16 kHz.

    Returns
    -------
    str
        MP3 (about 4 kB a second) where the sound library can write it, else
        WAV of 16 bits (32 kB a second).
    """
    kind, content = encode_audio(fit_range(audio), *MEDIA)
    return data_address(MEDIA[kind], content)


def fit_range(audio: np.ndarray) -> np.ndarray:
    """Audio scaled down to [-1, 1] if it goes beyond, else as it is.

    Example
    -------
    >>> fit_range(np.array([0.5, -2.0])).tolist()
    [0.25, -1.0]
    """
    return audio / max(1.0, float(np.abs(audio).max(initial=0.0)))


def data_address(media: str, content: bytes) -> str:
    """Content as an address that holds it all.

    Arguments
    ---------
    media : str
        Its media type, such as ``image/png``.
    content : bytes
        The content of a file.

    Returns
    -------
    str
        A ``data:`` address.
    """
    return f"data:{media};base64,{base64.b64encode(content).decode('ascii')}"

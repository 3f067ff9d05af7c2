"""Composed chunks kept on disk, so that each is composed once.

Composing costs about as much as a training step of a small model on a CPU. A
training that draws from a fixed number of distinct chunks pays for each of
them once; other trainings with the same composition share the files.
"""

import json
import os
from pathlib import Path
from typing import Any, Callable

import numpy as np

from explainable_seg.classes import CLASSES
from explainable_seg.errors import CorpusError
from explainable_seg.files import atomic_write_json
from explainable_seg.frames import SAMPLE_RATE, num_frames

FULL_SCALE = 32767
VERSION = 4  # goes up when an equal recipe gives other chunks


class ChunkCache:
    """Chunks by number, made when first asked for, then read from disk.

    Audio is kept with 16 bits. The files are sparse: their size on disk is
    that of the chunks made so far. Several processes may share them, for a
    chunk is marked as there only after it was written, and making it twice
    gives the same bytes.

    Arguments
    ---------
    folder : str or os.PathLike
        Where the files are; made if it is not there.
    n_chunks : int
        Number of distinct chunks.
    duration : float
        Seconds a chunk.
    recipe : dict
        Plain values that decide what the chunks are: a seed, checksums of
        sources (:mod:`explainable_seg.data.digests`), ...

    Raises
    ------
    CorpusError
        If the folder holds chunks of another recipe.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        n_chunks: int,
        duration: float,
        recipe: dict[str, Any],
    ):
        self.folder = Path(folder)
        self.n_chunks = n_chunks
        n_samples = round(duration * SAMPLE_RATE)
        _check_recipe(
            self.folder / "recipe.json",
            {
                **recipe,
                "version": VERSION,
                "n_chunks": n_chunks,
                "duration": duration,
            },
        )
        self._audio = self._open("audio", (n_chunks, n_samples), np.int16)
        self._scale = self._open("scale", (n_chunks,), np.float32)
        self._targets = self._open(
            "targets", (n_chunks, num_frames(n_samples), len(CLASSES)), np.int8
        )
        self._made = self._open("made", (n_chunks,), np.uint8)

    def get(
        self,
        number: int,
        make: Callable[[], tuple[np.ndarray, np.ndarray]],
    ) -> tuple[np.ndarray, np.ndarray]:
        """A chunk, made by ``make`` if it is not there yet.

        Arguments
        ---------
        number : int
            Which chunk.
        make : callable
            Gives audio [N] and targets [T, C].

        Returns
        -------
        tuple[np.ndarray, np.ndarray]
            Audio, float32, and targets, int8.
        """
        if not self._made[number]:
            audio, targets = make()
            # At its level a recording may go beyond full scale.
            scale = np.float32(max(1.0, float(np.abs(audio).max(initial=0.0))))
            self._audio[number] = to_pcm(audio / scale)
            self._scale[number] = scale
            self._targets[number] = targets
            self._made[number] = 1
        audio = from_pcm(self._audio[number]) * self._scale[number]
        return audio, np.array(self._targets[number])

    def _open(
        self, name: str, shape: tuple[int, ...], dtype: type
    ) -> np.memmap:
        """Memory map of a file of zeros or of what is there."""
        path = self.folder / f"{name}.bin"
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        with open(path, "ab") as stream:
            if stream.tell() < size:
                stream.truncate(size)
        return np.memmap(path, dtype=dtype, mode="r+", shape=shape)


def to_pcm(audio: np.ndarray) -> np.ndarray:
    """Audio within full scale as 16-bit integers; what is beyond is clipped.

    Example
    -------
    >>> to_pcm(np.array([0.5, -2.0])).tolist()
    [16384, -32767]
    """
    return np.rint(np.clip(audio, -1, 1) * FULL_SCALE).astype(np.int16)


def from_pcm(audio: np.ndarray) -> np.ndarray:
    """Audio of :func:`to_pcm` as float32.

    Example
    -------
    >>> from_pcm(to_pcm(np.array([-1.0, 1.0]))).tolist()
    [-1.0, 1.0]
    """
    return audio.astype(np.float32) / FULL_SCALE


def _check_recipe(path: Path, recipe: dict[str, Any]) -> None:
    """Write the recipe, or refuse the one that is there."""
    text = json.dumps(recipe, sort_keys=True, default=str)
    expected = json.loads(text)
    if not path.is_file():
        atomic_write_json(path, expected)
        return
    try:
        found = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        found = {}  # no JSON: another of everything
    names = sorted(expected.keys() | found.keys())
    other = [n for n in names if expected.get(n) != found.get(n)]
    if other:
        raise CorpusError(
            f"expected chunks of this training's recipe, got those of another "
            f"{', '.join(other)}, in {path}; delete the folder, or name "
            "another one by --chunks_folder"
        )

"""Composed programmes as a corpus on disk, in the layout of AragonRadio.

lists/<name>/<part>.txt                      one programme a line
audio/<name>/<programme>.flac                16 kHz, mono, 16 bit
rttms_segmentation/<name>/<programme>.rttm   labels sp, mu, no, ov
"""

import hashlib
import json
import logging
import os
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from functools import partial
from pathlib import Path

import numpy as np
from pyannote.core import Annotation, Segment

from explainable_seg.annotation import write_rttm
from explainable_seg.audio import write_audio
from explainable_seg.classes import SHORT_LABELS
from explainable_seg.composer.clips import Clip, ClipPool
from explainable_seg.composer.composer import Composer, Programme
from explainable_seg.composer.style import Style
from explainable_seg.errors import CorpusError
from explainable_seg.files import atomic_write_text

logger = logging.getLogger(__name__)

STAMP = "composed.json"  # says from what a corpus was made; written last


def write_corpus(
    folder: str | os.PathLike[str],
    parts: Mapping[str, Sequence[Clip]],
    minutes: Mapping[str, float],
    seed: int,
    style: Style = Style(),
    programme_duration: float = 180.0,
    name: str = "AragonRadio",
    workers: int = 2,
) -> None:
    """Compose and write a corpus; the same seed gives the same bytes.

    If the folder holds the corpus of these very settings, nothing is done.

    Arguments
    ---------
    folder : str or os.PathLike
        Where to write.
    parts : Mapping[str, Sequence[Clip]]
        Clips of each part, for instance of ``train``, ``dev1`` and ``test``.
    minutes : Mapping[str, float]
        Minutes of programmes of each part.
    seed : int
        Seed of all randomness.
    style : Style
        How programmes are made.
    programme_duration : float
        Seconds of a programme, about: the programmes of a part are equally
        long, to a tenth of a second.
    name : str
        Name of the corpus in the layout.
    workers : int
        Threads; decoding, filtering and encoding run beside each other.

    Raises
    ------
    CorpusError
        If parts and minutes differ, or a group has clips in two parts.
    """
    folder = Path(folder)
    _check_parts(parts, minutes)
    shape = {
        part: _programme_shape(minutes[part] * 60, programme_duration)
        for part in parts
    }
    settings = _settings(parts, shape, seed, style, name)
    stamp = folder / STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == settings:
        logger.info("the corpus in %s is complete: nothing to do", folder)
        return
    stamp.unlink(missing_ok=True)
    for part, clips in parts.items():
        count, seconds = shape[part]
        write = partial(
            _compose_file,
            composer=Composer(ClipPool(clips), style),
            seconds=seconds,
            seed=seed,
            folder=folder,
            name=name,
        )
        programmes = [f"{part}_{number:03d}" for number in range(count)]
        with ThreadPoolExecutor(workers) as executor:
            list(executor.map(write, programmes))
        atomic_write_text(
            folder / "lists" / name / f"{part}.txt",
            "".join(f"{programme}\n" for programme in programmes),
        )
    atomic_write_text(stamp, settings)


def _check_parts(
    parts: Mapping[str, Sequence[Clip]], minutes: Mapping[str, float]
) -> None:
    """Raise unless each part has minutes, and groups of its own."""
    if set(parts) != set(minutes):
        raise CorpusError(
            f"expected minutes for the parts {' '.join(sorted(parts))}, got "
            f"{' '.join(sorted(minutes))}; name the same parts in both"
        )
    home: dict[tuple[str, str], str] = {}
    for part, clips in parts.items():
        for clip in clips:
            other = home.setdefault((clip.label, clip.group), part)
            if other != part:
                raise CorpusError(
                    f"expected each group in one part, got '{clip.group}' in "
                    f"{other} and {part}; split the clips by group"
                )


def _programme_shape(seconds: float, wanted: float) -> tuple[int, float]:
    """Number of programmes and seconds of each that make up a part."""
    count = max(1, round(seconds / wanted))
    return count, round(seconds / count, 1)


def _settings(
    parts: Mapping[str, Sequence[Clip]],
    shape: Mapping[str, tuple[int, float]],
    seed: int,
    style: Style,
    name: str,
) -> str:
    """All that a corpus depends on, as JSON; the clips as a checksum."""
    clips = {
        part: hashlib.sha256(
            repr([astuple(c)[1:] for c in members]).encode()
        ).hexdigest()
        for part, members in parts.items()
    }
    return json.dumps(
        {
            "name": name,
            "seed": seed,
            "programmes": shape,
            "clips": clips,
            "style": repr(style),
        },
        indent=1,
    )


def _compose_file(
    programme: str,
    composer: Composer,
    seconds: float,
    seed: int,
    folder: Path,
    name: str,
) -> None:
    """Compose one programme and write its audio and its annotation."""
    rng = np.random.default_rng([seed, zlib.crc32(programme.encode())])
    composed = composer.compose(seconds, rng)
    write_audio(folder / "audio" / name / f"{programme}.flac", composed.audio)
    write_rttm(
        folder / "rttms_segmentation" / name / f"{programme}.rttm",
        _annotation(programme, composed),
    )


def _annotation(uri: str, programme: Programme) -> Annotation:
    """The truth of a programme with two-letter labels."""
    annotation = Annotation(uri=uri)
    for label, class_name in SHORT_LABELS.items():
        for start, end in programme.spans[class_name]:
            annotation[Segment(start, end), label] = label
    return annotation

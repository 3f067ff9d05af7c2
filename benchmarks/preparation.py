#!/usr/bin/env python3
"""Time and memory of a preparation: many recordings, headers only.

Makes as many one-minute recordings as asked (sparse files: a header and zeros
that take no space) with an RTTM of 20 turns each, prepares them in the layout
of AragonRadio in a process of its own, and logs seconds and peak memory.

> python benchmarks/preparation.py --recordings 5000 --processes 2
"""

import argparse
import logging
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from memory import largest_mib

from data_prep.aragonradio_prepare import prepare_aragonradio

logger = logging.getLogger(__name__)

RATE = 16000
SECONDS = 60


def make_corpus(folder: Path, n_recordings: int) -> None:
    """Lists, audio headers and RTTM files."""
    wavs = folder / "audio" / "AragonRadio"
    rttms = folder / "rttms_segmentation" / "AragonRadio"
    lists = folder / "lists" / "AragonRadio"
    for path in (wavs, rttms, lists):
        path.mkdir(parents=True)
    soundfile.write(folder / "one.wav", np.zeros(RATE * SECONDS), RATE)
    whole = (folder / "one.wav").read_bytes()
    names = [f"show{number:05d}" for number in range(n_recordings)]
    rng = np.random.default_rng(0)
    for name in names:
        with open(wavs / f"{name}.wav", "wb") as stream:
            stream.write(whole[:4096])
            stream.truncate(len(whole))
        edges = np.sort(rng.uniform(0, SECONDS, 40)).reshape(20, 2)
        (rttms / f"{name}.rttm").write_text(
            "".join(
                f"SPEAKER {name} 1 {a:.3f} {b - a:.3f} <NA> <NA> "
                f"{'sp mu no'.split()[i % 3]} <NA> <NA>\n"
                for i, (a, b) in enumerate(edges)
            )
        )
    fifth = n_recordings // 5
    for part, members in (
        ("train", names[2 * fifth :]),
        ("dev1", names[:fifth]),
        ("test", names[fifth : 2 * fifth]),
    ):
        (lists / f"{part}.txt").write_text("\n".join(members))


def prepare(folder: Path, processes: int) -> float:
    """Prepare the corpus in a folder; memory of the largest process, MiB."""
    prepare_aragonradio(
        folder / "corpus", folder / "prepared", processes=processes
    )
    return largest_mib()


def main() -> None:
    """Make, prepare, report."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=5000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_corpus(folder / "corpus", options.recordings)
        start = time.monotonic()
        # Spawned: a fork would begin with the memory of this process.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, context) as alone:
            peak = alone.submit(prepare, folder, options.processes).result()
        seconds = time.monotonic() - start
    logger.info(
        "%d recordings, %d processes: %.1f s, largest process %.0f MiB",
        options.recordings,
        options.processes,
        seconds,
        peak,
    )


if __name__ == "__main__":
    main()

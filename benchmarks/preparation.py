#!/usr/bin/env python3
"""Time and memory of a preparation: many recordings, headers only.

Makes as many one-minute recordings as asked (sparse files: a header and zeros
that take no space) with an RTTM of 20 turns each, prepares them in the layout
of AragonRadio in a process of its own, and logs seconds and peak memory.

> python benchmarks/preparation.py --recordings 5000 --processes 2
"""

import argparse
import logging
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

logger = logging.getLogger(__name__)

RATE = 16000
SECONDS = 60
ROOT = Path(__file__).resolve().parents[1]


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
        subprocess.run(
            [
                sys.executable,
                str(ROOT / "data_prep" / "aragonradio_prepare.py"),
                f"--data_folder={folder / 'corpus'}",
                f"--output_folder={folder / 'prepared'}",
                f"--processes={options.processes}",
            ],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    logger.info(
        "%d recordings, %d processes: %.1f s, largest process %.0f MB",
        options.recordings,
        options.processes,
        seconds,
        peak,
    )


if __name__ == "__main__":
    main()

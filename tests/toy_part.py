"""A part of a corpus: recordings of tones that are music, and their truth."""

from pathlib import Path

import numpy as np
import soundfile
from tiny_student import tones

from explainable_seg.classes import CLASSES
from explainable_seg.corpora.manifest import Region, write_manifest

RATE = 16000
PERIOD = 1 / 0.7  # of the tones: they sound in the first half


def write_part(folder: Path, n_recordings: int = 3) -> Path:
    """Manifest of recordings of 6 s in which overlap is not annotated.

    Speech is annotated in the first 4 s only.
    """
    regions = []
    for number in range(n_recordings):
        uri = f"show{number}"
        audio = tones(6.0) * np.float32(1 + number)
        soundfile.write(folder / f"{uri}.wav", audio, RATE, subtype="FLOAT")
        rttm, uem = folder / f"{uri}.rttm", folder / f"{uri}.uem"
        starts = np.arange(0, 6.0 - PERIOD / 2, PERIOD)
        spans = [("music", start, PERIOD / 2) for start in starts]
        spans.append(("speech", 0.5 + number, 2.0))
        rttm.write_text(
            "".join(
                f"SPEAKER {uri} 1 {start:.3f} {length:.3f} <NA> <NA> {label} "
                "<NA> <NA>\n"
                for label, start, length in spans
            )
        )
        uem.write_text(f"{uri} 1 0.000 6.000\n")
        short = folder / f"{uri}.speech.uem"
        short.write_text(f"{uri} 1 0.000 4.000\n")
        uems = {**dict.fromkeys(CLASSES, str(uem)), "speech": str(short)}
        uems["overlap"] = None
        regions.append(
            Region(
                uri,
                6.0,
                str(folder / f"{uri}.wav"),
                0,
                len(audio),
                RATE,
                uri,
                str(rttm),
                uems,
            )
        )
    write_manifest(folder / "test.csv", regions)
    return folder / "test.csv"

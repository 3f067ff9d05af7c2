"""Small corpora, laid out as their owners unpack them.

Every recording lasts ten seconds. What each function says of seconds is
counted by hand from the labels that it writes.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from explainable_seg.classes import CLASSES

SECONDS = 10
Turns = Sequence[tuple[float, float, str]]


def write_audio(path: Path, rate: int = 8000, channels: int = 1) -> None:
    """Bursts of noise, a second on and a second off."""
    rng = np.random.default_rng(0)
    audio = rng.integers(-999, 999, (SECONDS * rate, channels), np.int16)
    audio[np.arange(len(audio)) // rate % 2 == 1] = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate)


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """A text file, whose line ends stay as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def rttm_text(uri: str, turns: Turns, fields: int = 10) -> str:
    """RTTM of nine or ten fields a line."""
    end = " <NA>" if fields == 10 else ""
    lines = [
        f"SPEAKER {uri} 1 {start:.3f} {stop - start:.3f} "
        f"<NA> <NA> {label} <NA>{end}\n"
        for start, stop, label in turns
    ]
    return "".join(lines)


def write_rttm(path: Path, uri: str, turns: Turns, fields: int = 10) -> None:
    """An RTTM file of one show."""
    write_text(path, rttm_text(uri, turns, fields))


ALBAYZIN: dict[str, Turns] = {
    "session01": (
        (0, 4, "sp"),
        (4, 6, "sm"),
        (6, 8, "sn"),
        (8, 9, "mu"),
        (9, 10, "ot"),
    ),
    "session02": ((-0.01, 5, "sp"), (5, 7, "sn"), (7, 9, "MU")),
    "session03": ((0, 3, "sm"), (3, 6, "sn"), (6, 10, "ot")),
    "session17": ((0, 5, "sp"), (5, 7, "sn"), (7, 10.01, "mu")),
}


def write_albayzin(data: Path) -> None:
    """The exclusive labels of 2010, with all that is known to be odd.

    Training: 21 s of speech, 8 of music, 7 of noise; 1 s unknown, of noise 11.
    Test: 7, 3 and 2 s; nothing unknown.
    """
    for rate, channels, (name, turns) in zip(
        (16000, 8000, 22050, 44100), (1, 2, 1, 2), ALBAYZIN.items()
    ):
        write_audio(data / "audio" / f"{name}.wav", rate, channels)
        uri = name.replace("session0", "session")
        write_rttm(data / "rttm" / f"{name}.rttm", uri, turns, fields=9)
    rttms, wrong = data / "rttm", [(0, 10, "mu")]
    write_rttm(rttms / "session01_WRONG.rttm", "session1", wrong)
    merged = [rttm_text(f"session{number}", wrong) for number in (1, 2)]
    write_text(rttms / "sessions_1-2.rttm", "".join(merged))
    write_text(
        data / "lists" / "train.txt", "session01\r\nsession02\r\nsession03"
    )
    write_text(data / "lists" / "test.txt", "session17")
    write_text(data / "lists" / "dev2.txt", "session99\n")
    write_text(data / "README.txt", "Not an annotation, nor a list.\n")
    write_text(data / "audio" / "._session01.wav", "of a Mac")


# For each excerpt what the annotators a, b and c wrote.
OPENBMAT = {
    "Spain_News_1_1": (
        "0.0\t4.0\tfg-music\n4.0\t10.0\tno-music\n",
        "0.0\t5.0\tbgvl-music\n5.0\t10.0\tno-music\n",
        "0.0\t3.0\tno-music\n3.0\t10.0\tsimilar\n",
    ),
    "United_Kingdom_Series_Films_2_2": (
        "0.0\t8.0\tno-music\n8.0\t10.0\tmusic\n",
        "0.0\t10.0\tno-music\n",
        "no-music\n",
    ),
    "France_Music_3_3": ("0.0\t10.0\tmusic\n", "music\n", "0.0\t9.97\tmusic\n"),
    "Germany_Talk_4_4": (
        "0.0\t5.0\tbg-music\n6.0\t10.0\tno-music\n",
        "0.0\t6.0\tbg-music\n6.0\t10.0\tno-music\n",
        "0.0\t6.0\tbg-music\n6.0\t10.0\tno-music\n",
    ),
}


def write_openbmat(data: Path) -> None:
    """Four excerpts in four folds, of which two train, one tunes, one tests.

    Training: 5 s of music; tuning: 10 s; test: 5 s, and the 1 s unknown that
    an annotator left out. All agree on 1, 10 and 5 s of music, and do not on
    11, 0 and 1 s.
    """
    root = data / "OpenBMAT"
    rows = ["file_name,split"]
    for fold, (name, opinions) in enumerate(OPENBMAT.items()):
        write_audio(root / "audio" / f"{name}.wav", 22050, 1 + fold % 2)
        rows.append(f"{name},{fold}")
        for who, text in zip("abc", opinions):
            folder = root / "annotations/tsv/original" / f"annotator_{who}"
            write_text(folder / f"{name}.tsv", text)
            write_text(folder / f"._{name}.tsv", "of a Mac")
    write_text(root / "splits" / "splits.csv", "\r\n".join(rows))


TRS = """<?xml version="1.0" encoding="{declared}"?>
<!DOCTYPE Trans SYSTEM "trans-14.dtd">
<Trans audio_filename="stale" version="3" version_date="040101">
<Speakers><Speaker id="spk1" name="Zoé"/><Speaker id="spk2" name="B"/></Speakers>
<Episode>
<Section type="report" startTime="0" endTime="8">
<Turn startTime="0" endTime="1"><Sync time="0"/>
<Background time="0" type="music" level="high"/></Turn>
<Turn speaker="spk1" startTime="1" endTime="5{point}0"><Sync time="1"/> été
<Background time="3{point}0" type="other" level="off"/> <Sync time="4"/> oui
<Background time="4" type="shh other" level="low"/></Turn>
<Turn speaker="spk1 spk2" startTime="5{point}0" endTime="7"><Sync time="5"/>
<Who nb="1"/>oui <Who nb="2"/>non <Background time="6" type="other" level="off"/>
</Turn>
<Turn startTime="7" endTime="8"><Sync time="7"/></Turn>
</Section>
<Section type="nontrans" startTime="8" endTime="9">
<Turn speaker="spk1" startTime="8" endTime="9"><Sync time="8"/></Turn>
</Section>
</Episode>
</Trans>
"""
ALLIES = {
    "Train": ("a.v1", "b", "c"),
    "DiarTest-SeenShows": ("d",),
    "DiarTest_UnseenShows": ("e",),
    "FULLTEST-CleanAnnot": ("f", "g"),
}


def write_trs(path: Path, text: str = TRS, lying: bool = False) -> None:
    """A transcription: 6 s of speech, 2 of overlap; 8 to 10 s unknown.

    Where they are trusted, 3 s of music and 2 of noise. The encoding and the
    decimal sign depend on the name.
    """
    odd = sum(path.stem.encode()) % 2 == 1
    encoding = "utf-8" if odd else "iso-8859-1"
    declared = "us-ascii" if lying else encoding
    text = text.format(declared=declared, point=",."[odd])
    write_text(path, text, encoding)


def write_allies(data: Path) -> None:
    """A folder a part: three shows train and tune, four test."""
    for part, names in ALLIES.items():
        for name in names:
            write_audio(data / part / "sub" / f"{name}.wav", 16000)
            write_trs(data / part / "sub" / f"{name}.trs", lying=name == "c")
        write_text(data / part / "sub" / f"._{names[0]}.trs", "of a Mac")


MDTM: Turns = ((1, 5, "adult_male Anna"), (4, 7, "unknown Ben"))


def write_flat_allies(data: Path) -> None:
    """Flat folders and a list a part: 6 s of speech, 1 of overlap a show.

    Unknown are 0 to 1 s and 7 to 10 s, outside the turns.
    """
    for part, names in ALLIES.items():
        for name in names:
            write_audio(data / "wav" / f"{name}.wav", 16000)
            write_mdtm(data / "mdtm" / f"{name}.mdtm", name, MDTM)
        suffixes = ".wav", "", ".MDTM"
        listed = [n + s for n, s in zip(names, suffixes)]
        write_text(data / "lists" / f"{part}.lst", "\n".join(listed))


def write_mdtm(path: Path, uri: str, turns: Turns) -> None:
    """Speaker turns in MDTM."""
    lines = [
        f"{uri} 1 {start} {end - start} speaker NA {name}\n"
        for start, end, name in turns
    ]
    write_text(path, ";; turns\n" + "".join(lines))


DIHARD3: Turns = ((-0.01, 3, "17"), (2, 6, "B"), (2.9, 3.5, "17"))


def write_dihard3(data: Path) -> None:
    """Four recordings of two domains train and tune, two test.

    In each 5 s of speech, 1.5 of overlap, 2 s unknown.
    """
    for name, prefix, count in (("dev", "DH_DEV_", 4), ("eval", "DH_EVAL_", 2)):
        root = data / f"third_dihard_challenge_{name}"
        rows = ["uri\tin_core\tlang\tdomain\tsource"]
        for number in range(1, count + 1):
            uri = f"{prefix}{number:04d}"
            domain = "meeting" if number % 2 else "webvideo"
            rows.append(f"{uri}\t{number < count}\teng\t{domain}\tX")
            write_audio(root / "data/flac" / f"{uri}.flac", 16000)
            write_rttm(root / "data/rttm" / f"{uri}.rttm", uri, DIHARD3)
            uem = f"{uri} 1 0 4.2\n{uri} 1 5.2 9.0\n"
            write_text(root / "data/uem" / f"{uri}.uem", uem)
            write_text(root / "data/sad" / f"{uri}.lab", "0 6 speech\n")
            scoring = root / "data/uem_scoring"
            for path in (
                *[scoring / "core/all.uem"] * (number < count),
                scoring / "full/all.uem",
                scoring / f"full/{domain}.uem",
            ):
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "a") as stream:
                    stream.write(uem)
        write_text(root / "docs" / "recordings.tbl", "\n".join(rows))


ARAGONRADIO: Turns = (
    (0.5, 1.5, "sp"),
    (1, 2, "sp"),
    (0, 0.5, "mu"),
    (0, 10.01, "no"),
)


def write_aragonradio(data: Path) -> None:
    """A show a part: 1.5 s of speech, 0.5 of music, 10 of noise."""
    for number, part in enumerate(("train", "dev1", "test")):
        name = f"20080101_10-00-0{number}"
        write_text(data / "lists/AragonRadio" / f"{part}.txt", name)
        write_audio(data / "audio/AragonRadio" / f"{name}.wav")
        folder = data / "rttms_segmentation/AragonRadio"
        write_rttm(folder / f"{name}.rttm", name, ARAGONRADIO)


CUSTOM: Turns = ((0, 4, "speech"), (3, 6, "mu"), (5, 8, "no"), (1, 2, "ov"))


def write_custom(data: Path) -> None:
    """Four shows with blanks: 4 s of speech, 3 of music, 3 of noise, 1 of ov."""
    for number in range(4):
        write_audio(data / f"day {number % 2}" / f"show {number}.flac")
        path = data / "labels" / f"show {number}.rttm"
        write_rttm(path, f"show_{number}", CUSTOM)


def content(folder: Path) -> dict[str, bytes]:
    """Bytes of every file of a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def read_summary(folder: Path) -> dict:
    """What the preparation says of the corpus."""
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def amounts(folder: Path, *parts: str) -> dict[str, Any]:
    """Seconds of each known class in the parts, and seconds unknown."""
    summary = read_summary(folder)["parts"]
    rows: dict[str, list] = {name: [] for name in CLASSES}
    for part in parts:
        for name, row in summary[part]["classes"].items():
            total = summary[part]["seconds"]
            rows[name].append(
                (row["seconds"], row["unknown_seconds"]) if row else (0, total)
            )
    every = sum(summary[part]["seconds"] for part in parts)
    sums = {name: np.sum(row, axis=0).tolist() for name, row in rows.items()}
    return {
        name: pytest.approx((heard, unknown), abs=0.002)
        for name, (heard, unknown) in sums.items()
        if unknown < every
    }


@contextmanager
def refused(kind: type[Exception], *said: object) -> Iterator[None]:
    """Expect an error of one line that says all of that."""
    with pytest.raises(kind) as info:
        yield
    message = str(info.value)
    assert "\n" not in message
    for part in said:
        assert str(part) in message, message

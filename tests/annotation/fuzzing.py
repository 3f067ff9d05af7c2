"""Broken files: every reader gives a checked object or one error, soon.

``python tests/annotation/fuzzing.py --files 20000`` logs a line of results;
the test suite runs the same loop with fewer files.
"""

import argparse
import logging
import math
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pyannote.core import Annotation, Timeline

from explainable_seg.annotation.bmat import (
    BMAT_LABELS,
    read_bmat_csv,
    read_bmat_json,
    read_bmat_tsv,
)
from explainable_seg.annotation.fields import read_list
from explainable_seg.annotation.rttm import (
    read_lab,
    read_mdtm,
    read_rttm,
    read_uem,
)
from explainable_seg.annotation.transcription import transcription_spans
from explainable_seg.annotation.trs import read_trs
from explainable_seg.annotation.turns import CLASS_LABELS, class_spans
from explainable_seg.errors import AnnotationError, CorpusError

logger = logging.getLogger(__name__)

LIMIT = 1.0  # seconds of processor time a file
UNKNOWN = "zzunknown"
NUMBER = re.compile(rb"[0-9]+([.][0-9]+)?")
NUMBERS = "nan inf -inf 1e999 1e308 -1 -0.0 1,5 1,2,3 0x1 1_0 9.9.9 ,".split()
DURATION = 30.0

RTTM = """\
;; classes
SPKR-INFO show 1 <NA> <NA> <NA> unknown b <NA>
SPEAKER show 1 -0.01 5.20 <NA> <NA> speech <NA> <NA>
SPEAKER show 1 5.19 4.10 <NA> <NA> music <NA>
SPEAKER other 1 0 3 <NA> <NA> noise <NA> <NA>
"""
UEM = "; scored\nshow 1 0.0 12.5\nshow.wav NA 14 20\nother 1 3 4.25\n"
LAB = "0.00 3.21 speech\n4.00 4.69 speech 0.9\n7 12.5 sp\n"
MDTM = """\
;; head
show_01 1 12.500 4.250 speaker NA adult_female Some_Name
show_01 1 16.0 4 speaker NA unknown speaker#1
show_02 1 0 1.5 speaker 0.5 child 17
"""
TRS = """\
<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE Trans SYSTEM "trans-14.dtd">
<Trans audio_filename="stale" version="3" xml:lang="fr">
<Speakers><Speaker id="spk1" name="Zoé"/><Speaker id="spk2"/></Speakers>
<Episode>
<Section type="report" startTime="0" endTime="15.5">
<Turn startTime="0" endTime="4.2"><Sync time="0"/>
<Background time="1" type="music other" level="high"/></Turn>
<Turn speaker="spk1" startTime="4.2" endTime="9"><Sync time="4.2"/>l'été
<Event desc="pap" type="noise" extent="begin"/> vin <Sync time="6.5"/>
<Background time="6.0" type="shh" level="low"/>
<Event desc="pap" type="noise" extent="end"/> vin <Sync time="8"/> fin</Turn>
<Turn speaker="spk1 spk2" startTime="9.0" endTime="11,5"><Sync time="9.0"/>
<Who nb="1"/>oui <Who nb="2"/>non</Turn>
<Turn speaker="spk2" startTime="12" endTime="12"/>
<Turn startTime="12" endTime="15.5"><Sync time="12"/>
<Background time="13" type="speech"/>
<Background time="14" type="other" level="off"/></Turn>
</Section>
<Section type="nontrans" startTime="15.5" endTime="20">
<Turn startTime="15.5" endTime="20"><Sync time="15.5"/></Turn>
</Section>
</Episode>
</Trans>
"""
BMAT_TSV = "0.0\t12.48\tno-music\n12.48\t30.5\tbg-music\n30.5\t60.0\tsimilar\n"
BMAT_CSV = """\
17,Spain_News_12_345.wav,0.0,12.48,6_NoMusic,x,x
18,Spain_News_12_345.wav,12.48,60.0,4_BgMusic,x,x
19,"France_Talk_1_2.wav",0.0,60.0,1_Music,,
"""
BMAT_JSON = """\
{"annotations": {"annotator_a": {"Spain_News_12_345":
{"0": {"start": 0.0, "end": 12.48, "class": "no-music"},
 "10": {"start": 40, "end": 60.0, "class": "fg-music"},
 "2": {"start": 12.48, "end": 4e1, "class": "bgvl-music"}}}},
"agreement": {"Spain_News_12_345": {"segs": {"full": [[0.0, 12.4]]}}}}
"""
LIST = "show_1\nshow_2.wav\r\nnoch eine"


def check_annotation(annotation: Annotation) -> None:
    """Times are finite and in order; labels are text."""
    for segment, _, label in annotation.itertracks(yield_label=True):
        assert math.isfinite(segment.start) and math.isfinite(segment.end)
        assert segment.start < segment.end
        assert isinstance(label, str) and label.strip()


def check_classes(annotations: dict[str, Annotation], mapping) -> None:
    """Labels are those of the mapping, else it raises."""
    for uri, annotation in annotations.items():
        check_annotation(annotation)
        class_spans(annotation, mapping, uri)


def check_mdtm(path: Path) -> None:
    """Names are free."""
    for annotation in read_mdtm(path).values():
        check_annotation(annotation)


def check_trs(path: Path) -> None:
    """Spans lie inside what is annotated."""
    transcription = read_trs(path)
    for annotation in (
        transcription.turns,
        transcription.backgrounds,
        transcription.events,
    ):
        check_annotation(annotation)
    spans, annotated = transcription_spans(transcription, True)
    for name, timeline in spans.items():
        outside = annotated[name].gaps(support=timeline)
        assert not outside, (name, outside)


def check_uem(path: Path) -> None:
    """Time is disjoint."""
    for timeline in read_uem(path).values():
        assert isinstance(timeline, Timeline)
        assert timeline == timeline.support()


def check_json(path: Path) -> None:
    """All annotators."""
    for recordings in read_bmat_json(path).values():
        check_classes(recordings, BMAT_LABELS)


class Format(NamedTuple):
    """A valid file, how to read and check it, and its closed vocabulary."""

    valid: str
    check: Callable[[Path], object]
    words: str


FORMATS = {
    "rttm": Format(
        RTTM,
        lambda path: check_classes(read_rttm(path), CLASS_LABELS),
        "speech music noise",
    ),
    "uem": Format(UEM, check_uem, ""),
    "lab": Format(
        LAB,
        lambda path: check_classes(
            {"": read_lab(path, DURATION)}, CLASS_LABELS
        ),
        "speech sp",
    ),
    "mdtm": Format(MDTM, check_mdtm, "speaker"),
    "trs": Format(
        TRS,
        check_trs,
        "report nontrans music other shh speech high low off pap noise begin "
        "end Trans startTime",
    ),
    "tsv": Format(
        BMAT_TSV,
        lambda path: check_classes(
            {"": read_bmat_tsv(path, DURATION)}, BMAT_LABELS
        ),
        "no-music bg-music similar",
    ),
    "csv": Format(
        BMAT_CSV,
        lambda path: check_classes(read_bmat_csv(path), BMAT_LABELS),
        "6_NoMusic 4_BgMusic 1_Music",
    ),
    "json": Format(
        BMAT_JSON, check_json, "no-music fg-music bgvl-music class annotations"
    ),
    "list": Format(LIST, read_list, ""),
}


def flip_bytes(content: bytes, rng: random.Random) -> bytes:
    """Change one to eight bytes."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def delete_bytes(content: bytes, rng: random.Random) -> bytes:
    """Take out a stretch."""
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.randint(1, 60) :]


def insert_bytes(content: bytes, rng: random.Random) -> bytes:
    """Put in what means something to a parser."""
    start = rng.randrange(len(content))
    pieces = [b"<", b"&x;", b'"', b"\x00", b"\xff\xfe", b"\n", b",", b"{", b";"]
    piece = rng.choice(pieces) * rng.choice([1, 1, 1, 5000])
    return content[:start] + piece + content[start:]


def move_lines(content: bytes, rng: random.Random) -> bytes:
    """Duplicate, drop or swap lines."""
    lines = content.splitlines(keepends=True)
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(3)
    if kind == 0:
        lines[first:first] = [lines[second]] * rng.choice([1, 1, 200])
    elif kind == 1:
        del lines[first]
    else:
        lines[first], lines[second] = lines[second], lines[first]
    return b"".join(lines)


def change_number(content: bytes, rng: random.Random) -> bytes:
    """Put another number, or no number, in place of one."""
    spans = [match.span() for match in NUMBER.finditer(content)]
    start, end = rng.choice(spans or [(0, 0)])
    other = rng.choice([*NUMBERS, str(rng.uniform(-5, 70)), "9" * 5000])
    return content[:start] + other.encode() + content[end:]


MUTATIONS = (flip_bytes, delete_bytes, insert_bytes, move_lines, change_number)


def replace_word(content: bytes, words: str, rng: random.Random) -> bytes:
    """Spell a word of the closed vocabulary in another way, everywhere."""
    word = re.escape(rng.choice(words.split()).encode())
    return re.sub(
        rb"(?<![\w-])" + word + rb"(?![\w-])", UNKNOWN.encode(), content
    )


def outcome_of(format_: Format, path: Path, content: bytes) -> str:
    """``read`` or ``refused``, else what went wrong."""
    path.write_bytes(content)
    start = time.process_time()
    try:
        format_.check(path)
        outcome = "read"
    except (AnnotationError, CorpusError) as error:
        lines = str(error).count("\n")
        outcome = "message of several lines" if lines else "refused"
    # Whatever else a reader raises is what the loop looks for.
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"
    seconds = time.process_time() - start
    return outcome if seconds < LIMIT else f"took {seconds:.1f} s"


def fuzz(n_files: int, folder: Path, seed: int = 0) -> tuple[Counter, list]:
    """Read mutated files of all formats in turn.

    Every fourth file has a word of the closed vocabulary replaced, and must
    be refused.

    Arguments
    ---------
    n_files : int
        How many files.
    folder : Path
        Where to write them.
    seed : int
        Files depend on it and on their number alone.

    Returns
    -------
    tuple[Counter, list]
        How many of each (format, outcome), and (number, format, what went
        wrong) of those that were neither read nor refused.
    """
    counts: Counter = Counter()
    wrong = []
    names = list(FORMATS)
    for number in range(n_files):
        rng = random.Random(seed * 10**9 + number)
        name = names[number % len(names)]
        format_ = FORMATS[name]
        encoding = "latin-1" if name == "trs" else "utf-8"
        content = format_.valid.encode(encoding)
        renamed = bool(format_.words) and rng.random() < 0.25
        if renamed:
            content = replace_word(content, format_.words, rng)
        else:
            for _ in range(rng.randint(1, 2)):
                content = rng.choice(MUTATIONS)(content, rng) or b"\n"
        outcome = outcome_of(format_, folder / f"show.{name}", content)
        if renamed and outcome == "read":
            outcome = "read an unknown word"
        counts[name, outcome] += 1
        if outcome not in ("read", "refused"):
            wrong.append((number, name, outcome))
    return counts, wrong


def main() -> None:
    """Run the loop and log the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("explainable_seg").setLevel(logging.ERROR)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        counts, wrong = fuzz(arguments.files, Path(folder), arguments.seed)
    seconds = time.perf_counter() - start
    for failure in wrong:
        logger.error("file %d (%s): %s", *failure)
    table = ", ".join(
        f"{name} {counts[name, 'read']} / {counts[name, 'refused']}"
        for name in FORMATS
    )
    logger.info(
        "%d files in %.0f s, %d wrong; read / refused: %s",
        arguments.files,
        seconds,
        len(wrong),
        table,
    )


if __name__ == "__main__":
    main()

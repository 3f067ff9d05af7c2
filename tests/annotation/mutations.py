"""Mistakes of people and of tools, and what a reader may make of them.

:mod:`annotation.fuzzing` asks that nothing breaks; this asks that nothing is
lost. After each mistake a reader may give what the file meant before, or
refuse it with its line, or say in a warning what it left out. Nothing else.

``python tests/annotation/mutations.py --files 1000`` logs a table.
"""

import argparse
import logging
import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from annotation import fuzzing
from pyannote.core import Annotation

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
from explainable_seg.annotation.turns import (
    CLASS_LABELS,
    ClassMapping,
    class_spans,
)
from explainable_seg.errors import AnnotationError, CorpusError

logger = logging.getLogger(__name__)

ACCENT = "é"  # of a name that each file holds
NUMBERS = "nan inf -inf 1e308 1e999 -5 1,2,3 0x1 1_0 9.9.9 <NA>".split()


def classes(
    annotations: Mapping[str, Annotation], mapping: ClassMapping, path: Path
) -> dict[str, Any]:
    """Time of each class of each recording."""
    return {
        uri: class_spans(annotation, mapping, str(path))
        for uri, annotation in annotations.items()
    }


def turns(annotations: Mapping[str, Annotation]) -> dict[str, Any]:
    """Labelled turns of each recording."""
    return {
        uri: sorted(
            (*s, label) for s, _, label in a.itertracks(yield_label=True)
        )
        for uri, a in annotations.items()
    }


class Kind(NamedTuple):
    """A reader: a valid file, what it means, and where what stands in it.

    ``words`` is the closed vocabulary; ``times`` finds a time, in its group 1.
    ``separator`` is that of columns; None for a file without columns.
    """

    valid: str
    meaning: Callable[[Path], Any]
    words: str
    times: str
    separator: str | None = " "


LINES = r"(?m)^(?![;\s])"  # a line that is no comment
KINDS = {
    "rttm": Kind(
        fuzzing.RTTM.replace("other", "café"),
        lambda path: classes(read_rttm(path), CLASS_LABELS, path),
        "SPEAKER SPKR-INFO speech music noise",
        LINES + r"SPEAKER \S+ \S+ (?:\S+ )?([\d.-]+) ",
    ),
    "uem": Kind(
        fuzzing.UEM.replace("other", "café"),
        read_uem,
        "",
        LINES + r"\S+ \S+ (?:\S+ )?(\S+)",
    ),
    "lab": Kind(
        "0.00 3.21 speech\n4.00 4.69 mu 0.9\n7 12.5 no\n; é\n",
        lambda path: classes({"": read_lab(path)}, CLASS_LABELS, path),
        "speech mu no",
        LINES + r"(?:\S+ )?([\d.]+) ",
    ),
    "mdtm": Kind(
        fuzzing.MDTM.replace("Some_Name", "Zoé")
        .replace("speaker#1", "Jo")
        .replace("17", "Max"),
        lambda path: turns(read_mdtm(path)),
        "speaker",
        LINES + r"\S+ \S+ (?:\S+ )?([\d.]+) ",
    ),
    "trs": Kind(
        fuzzing.TRS,
        lambda path: transcription_spans(read_trs(path), True, where=str(path)),
        "Trans Speakers Speaker id spk1 spk2 Episode Section type report "
        "startTime endTime Turn speaker Sync time Background music other level "
        "high Event desc noise extent begin shh low end speech off nontrans",
        r'(?:time|startTime|endTime)="([^"]*)"',
        None,
    ),
    "tsv": Kind(
        fuzzing.BMAT_TSV + "; é\n",
        lambda path: classes({"": read_bmat_tsv(path)}, BMAT_LABELS, path),
        "no-music bg-music similar",
        LINES + r"(?:\S+\t)?([\d.]+)\t",
        "\t",
    ),
    "csv": Kind(
        fuzzing.BMAT_CSV.replace("Spain", "España_é"),
        lambda path: classes(read_bmat_csv(path), BMAT_LABELS, path),
        "6_NoMusic 4_BgMusic 1_Music",
        r"\.wav\"?,(?:[\d.]+,)?([\d.]+),",
        ",",
    ),
    "json": Kind(
        fuzzing.BMAT_JSON.replace("Spain", "España_é"),
        lambda path: {
            who: classes(said, BMAT_LABELS, path)
            for who, said in read_bmat_json(path).items()
        },
        "annotations start end class no-music fg-music bgvl-music",
        r'"(?:start|end)": ([\d.e]+)',
        None,
    ),
    "list": Kind("show_1\nshow_2.wav\ncafé\n", read_list, "", ""),
}
VOCABULARY = {
    *CLASS_LABELS,
    *BMAT_LABELS,
    *(word.lower() for kind in KINDS.values() for word in kind.words.split()),
}


def _at(
    text: str, match: re.Match[str] | None, new: str, group: int = 0
) -> str:
    """A text with another one in place of a match."""
    if match is None:
        return text
    return text[: match.start(group)] + new + text[match.end(group) :]


def _any(pattern: str, text: str, rng: random.Random) -> re.Match[str] | None:
    """One of the places where a pattern is found."""
    return rng.choice([*re.finditer(pattern, text)] or [None])


def _word(text: str, kind: Kind, rng: random.Random) -> re.Match[str] | None:
    """A place where a word of the vocabulary stands."""
    word = re.escape(rng.choice(kind.words.split() or ["\0"]))
    return _any(rf"(?<![\w-]){word}(?![\w-])", text, rng)


def misspelt(text: str, kind: Kind, rng: random.Random) -> str:
    """A letter left out, doubled, exchanged or replaced."""
    match = _word(text, kind, rng)
    while match is not None:
        word, i = match[0], rng.randrange(len(match[0]))
        changed = rng.choice(
            [
                word[:i] + word[i + 1 :],
                word[: i + 1] + word[i:],
                word[:i] + word[i : i + 2][::-1] + word[i + 2 :],
                word[:i] + rng.choice("aeqxz_") + word[i + 1 :],
                "zzunknown",
            ]
        )
        if changed.lower() not in VOCABULARY:
            return _at(text, match, changed)
    return text


def another_case(text: str, kind: Kind, rng: random.Random) -> str:
    """A word in capitals, without them, or with the others."""
    match = _word(text, kind, rng)
    change = rng.choice([str.upper, str.lower, str.swapcase, str.title])
    return _at(text, match, change(match[0]) if match else "")


def another_number(text: str, kind: Kind, rng: random.Random) -> str:
    """What is no time, in place of one."""
    match = _any(kind.times, text, rng) if kind.times else None
    return _at(text, match, rng.choice([*NUMBERS, "9" * 400]), 1)


def _columns(text: str, kind: Kind, rng: random.Random) -> re.Match[str] | None:
    """A line of columns."""
    return _any(LINES + r".*\S.*$", text, rng) if kind.separator else None


def dropped_column(text: str, kind: Kind, rng: random.Random) -> str:
    """A column left out."""
    match = _columns(text, kind, rng)
    if match is None:
        return text
    fields = match[0].split(kind.separator)
    del fields[rng.randrange(len(fields))]
    return _at(text, match, str(kind.separator).join(fields))


def swapped_columns(text: str, kind: Kind, rng: random.Random) -> str:
    """Two columns exchanged, of which no more than one is a number.

    Nobody can see that two numbers were exchanged.
    """
    match = _columns(text, kind, rng)
    if match is None:
        return text
    fields = match[0].split(kind.separator)
    i, j = rng.choices(range(len(fields)), k=2)
    if not all(re.fullmatch(r"[\d.-]+", fields[k]) for k in (i, j)):
        fields[i], fields[j] = fields[j], fields[i]
    return _at(text, match, str(kind.separator).join(fields))


def truncated_line(text: str, kind: Kind, rng: random.Random) -> str:
    """A line that stops early, though not inside a last number or name."""
    match = _columns(text, kind, rng)
    cut = match[0][: rng.randrange(len(match[0]))] if match else ""
    if re.search(r"[\d.]$", cut.rstrip()) or kind.words == "speaker":
        cut = cut[: max(0, cut.rstrip().rfind(kind.separator or " "))]
    return _at(text, match, cut) if cut.strip() else text


def truncated_file(text: str, kind: Kind, rng: random.Random) -> str:
    """A file with a structure that stops early."""
    return text if kind.separator else text[: rng.randrange(len(text) - 2)]


def strange_character(text: str, kind: Kind, rng: random.Random) -> str:
    """A NUL, or a byte order mark where two files were joined."""
    i = rng.randrange(1, len(text))
    return text[:i] + rng.choice("\0\ufeff\x1b") + text[i:]


def line_ends(text: str, kind: Kind, rng: random.Random) -> str:
    """Of Windows, or of an old Macintosh."""
    return text.replace("\n", rng.choice(["\r\n", "\r"]))


def blanks(text: str, kind: Kind, rng: random.Random) -> str:
    """Tabs or more blanks; blanks and empty lines at the end."""
    if kind.separator in (" ", "\t"):
        text = text.replace(kind.separator, rng.choice(["\t", "  ", " \t"]))
    return text.rstrip("\n") + rng.choice(["", " \n", "\n\n\n"])


def accents(text: str, kind: Kind, rng: random.Random) -> str:
    """Decomposed."""
    return text.replace("é", "e\u0301")


def same(text: str, kind: Kind, rng: random.Random) -> str:
    """Nothing, for those that change the encoding only."""
    return text


Change = Callable[[str, Kind, random.Random], str]
# Those that people and tools may make: nothing is to change. And encodings.
HARMLESS: tuple[tuple[Change, str], ...] = (
    (line_ends, ""),
    (blanks, ""),
    (accents, "utf-8"),
    (same, "utf-8-sig"),
)
# Those that change what a file says: not to be believed in silence.
HARMFUL: tuple[tuple[Change, str], ...] = (
    *((misspelt, ""),) * 3,
    (another_case, ""),
    *((another_number, ""),) * 2,
    (dropped_column, ""),
    (swapped_columns, ""),
    (truncated_line, ""),
    (truncated_file, ""),
    (strange_character, ""),
    (same, "utf-16"),
    (same, "cp1252"),
    (same, "cp037"),
)
OUTCOMES = ("same", "refused", "told", "LOST")


class _Warnings(logging.Handler):
    """Counts warnings of the readers."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        self.messages.append(record.getMessage())


def outcome(
    kind: Kind, path: Path, content: bytes, expected: Any, readable: bool
) -> tuple[str, str]:
    """One of OUTCOMES, and what the reader said."""
    path.write_bytes(content)
    heard = _Warnings()
    package = logging.getLogger("explainable_seg")
    package.addHandler(heard)
    try:
        found = kind.meaning(path)
    except (AnnotationError, CorpusError) as error:
        # A line, or an element of a JSON file; of another encoding no line.
        place = re.escape(str(path)) + (r"[:,;]" if readable else "")
        named = re.search(place, str(error)) and "\n" not in str(error)
        return "refused" if named else "LOST", str(error)
    finally:
        package.removeHandler(heard)
    # Who asks for a recording by its name refuses a file without it.
    if isinstance(found, dict) and set(found) != set(expected):
        return "refused", f"names {sorted(found)}"
    if isinstance(found, list) and found != expected:
        return "refused", f"names {found}"
    if found == expected:
        return "same", ""
    return ("told" if heard.messages else "LOST"), " ".join(heard.messages)


def mutate(
    name: str, n_files: int, folder: Path, seed: int = 0
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Read mutated files of one kind.

    Arguments
    ---------
    name : str
        The kind.
    n_files : int
        How many files that are mutated.
    folder : Path
        Where to write them.
    seed : int
        Files depend on it and on their number alone.

    Returns
    -------
    tuple[Counter, list[str]]
        How many of each (mutation, outcome); and each file whose meaning was
        lost in silence, or that was refused though nothing was wrong.
    """
    kind = KINDS[name]
    path = folder / f"show.{name}"
    usual = "latin-1" if name == "trs" else "utf-8"
    path.write_bytes(kind.valid.encode(usual))
    expected = kind.meaning(path)
    counts: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    number = 0
    while sum(counts.values()) < n_files:
        rng = random.Random(f"{seed} {name} {number}")
        number += 1
        harmless = rng.random() < 0.2
        change, encoding = rng.choice(HARMLESS if harmless else HARMFUL)
        text = change(kind.valid, kind, rng)
        head = text.replace("ISO-8859-1", "UTF-8") if encoding else text
        content = head.encode(encoding or usual, "xmlcharrefreplace")
        if content == kind.valid.encode(usual):
            continue
        got, said = outcome(
            kind, path, content, expected, readable=change is not same
        )
        label = f"{change.__name__} {encoding}".strip()
        counts[label, got] += 1
        if got == "LOST" or (harmless and got != "same"):
            wrong.append(f"{name} {number - 1}: {label}: {got} {said}\n{text}")
    return counts, wrong


def main() -> None:
    """Mutate files of each kind and log a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000, help="a kind")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("explainable_seg").propagate = False
    logger.info("kind  %s", " ".join(f"{o:>8}" for o in OUTCOMES))
    for name in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            counts, wrong = mutate(
                name, options.files, Path(folder), options.seed
            )
        sums = Counter[str]()
        for (_, got), count in counts.items():
            sums[got] += count
        row = " ".join(f"{sums[got]:>8}" for got in OUTCOMES)
        logger.info("%-5s %s", name, row)
        for line in wrong:
            logger.error("%s", line)


if __name__ == "__main__":
    main()

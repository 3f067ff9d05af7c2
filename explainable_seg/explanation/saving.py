"""Explanations of a recording as files in a folder."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from explainable_seg.audio.files import write_audio
from explainable_seg.classes import CLASSES
from explainable_seg.explanation.document import make_document
from explainable_seg.explanation.explanation import Explanation
from explainable_seg.explanation.findings import Findings
from explainable_seg.explanation.page_media import fit_range
from explainable_seg.explanation.report import render_report
from explainable_seg.files import atomic_path, atomic_write_text, check_room

SAMPLE_BYTES = 2  # of a sound that is written: 16 bits


def save_explanations(
    folder: str | os.PathLike[str],
    explanations: Sequence[Explanation],
    findings: Findings,
) -> list[Path]:
    """Write numbers, sounds, pictures and a page.

    Existing files of the same names are replaced, and sounds and pictures of
    other classes are removed: they are of an earlier explanation, of which the
    numbers and the page are gone.

    Arguments
    ---------
    folder : str or os.PathLike
        Created where it lacks.
    explanations : Sequence[Explanation]
        At least one, of different classes, all of the same recording and
        model.
    findings : Findings
        The recording, for the page.

    Returns
    -------
    list[Path]
        The files, as :func:`file_names` lists them.

    Raises
    ------
    ExplainableSegError
        If the folder cannot be written, or has no room.
    ValueError
        If two explanations are of the same class.
    """
    names = file_names([e.class_name for e in explanations])
    numbers, page, *media = [Path(folder) / name for name in names]
    document = make_document(explanations, findings)
    text = json.dumps(document, indent=1, allow_nan=False)
    dense = json.dumps(document, separators=(",", ":"), allow_nan=False)
    html = render_report(dense, findings)
    sounds = sum(len(e.audio) * SAMPLE_BYTES for e in explanations)
    pictures = sum(len(e.picture) for e in explanations)
    check_room(Path(folder), len(text) + len(html) + sounds + pictures)
    atomic_write_text(numbers, text + "\n")
    for explanation, wav, png in zip(explanations, media[::2], media[1::2]):
        save_audio(explanation, wav)
        with atomic_path(png) as temporary:
            temporary.write_bytes(explanation.picture)
    atomic_write_text(page, html)
    for name in set(file_names(CLASSES)) - set(names):
        (Path(folder) / name).unlink(missing_ok=True)
    return [numbers, page, *media]


def file_names(class_names: Sequence[str]) -> list[str]:
    """Names of the files that explanations of these classes are written to.

    Arguments
    ---------
    class_names : Sequence[str]
        Different classes.

    Returns
    -------
    list[str]
        The numbers, the page, then sound and picture of each class.

    Raises
    ------
    ValueError
        If a class is there twice.

    Example
    -------
    >>> file_names(["music"])
    ['explanation.json', 'report.html', 'explanation_music.wav', \
'explanation_music.png']
    """
    if len(set(class_names)) < len(class_names):
        raise ValueError(f"expected different classes, got {class_names}")
    return [
        "explanation.json",
        "report.html",
        *(
            f"explanation_{name}{suffix}"
            for name in class_names
            for suffix in (".wav", ".png")
        ),
    ]


def save_audio(explanation: Explanation, path: str | os.PathLike[str]) -> None:
    """Write the sound of an explanation: WAV, 16 kHz, mono, 16 bits.

    Arguments
    ---------
    explanation : Explanation
        An explanation.
    path : str or os.PathLike
        The file to write.
    """
    write_audio(path, fit_range(explanation.audio))

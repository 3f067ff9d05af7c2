"""Self-contained pages: why each class was found, and how a demo went.

A page is one file. Its scripts, numbers, pictures and sounds are inside it; it
asks for nothing from the network and says so to the browser.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from explainable_seg.audio import write_audio
from explainable_seg.classes import CLASSES
from explainable_seg.explanation import Explanation, ReportData
from explainable_seg.files import atomic_path, atomic_write_text, check_room
from explainable_seg.frames import Span
from explainable_seg.pages.drawing import CLASS_COLOURS, pool_time
from explainable_seg.pages.page_data import fit_range, make_document, page_data

MOST_POINTS = 5000  # of a line of probabilities; longer ones are averaged
TALL = 100  # units of a lane's height, for probability 1


@dataclass(frozen=True)
class Block:
    """A stretch of time in a lane; left and width in percent."""

    left: float
    width: float
    start: float
    end: float


@dataclass(frozen=True)
class Lane:
    """What a page shows of a class over time.

    Arguments
    ---------
    class_name : str
        One of the classes of the student.
    seconds : float
        Time in which it was found.
    line : str
        Its probability as points of an SVG polyline, ``MOST_POINTS`` wide at
        most and TALL high.
    n_points : int
        Number of points of the line.
    threshold : float or None
        Probability from which it counts as found.
    found : Sequence[Block]
        Where it was found.
    reference : Sequence[Block] or None
        Where it is, if that is known.
    """

    class_name: str
    seconds: float
    line: str
    n_points: int
    threshold: float | None
    found: Sequence[Block]
    reference: Sequence[Block] | None


def make_lanes(report_data: ReportData) -> list[Lane]:
    """A lane for each class.

    Arguments
    ---------
    report_data : ReportData
        The recording.

    Returns
    -------
    list[Lane]
    """
    probabilities = pool_time(
        report_data.decomposition.probabilities, MOST_POINTS
    )
    reference = report_data.reference or {}
    return [
        Lane(
            class_name=name,
            seconds=sum(e - s for s, e in report_data.spans.get(name, ())),
            line=polyline(probabilities[:, c]),
            n_points=len(probabilities),
            threshold=report_data.decomposition.rules.thresholds.get(name),
            found=_blocks(report_data, report_data.spans.get(name, ())),
            reference=(
                _blocks(report_data, reference[name])
                if name in reference
                else None
            ),
        )
        for c, name in enumerate(report_data.weights.classes)
    ]


def polyline(values: np.ndarray) -> str:
    """Points of a line through values in [0, 1], one unit apart.

    Example
    -------
    >>> polyline(np.array([0.0, 0.25]))
    '0,100 1,75'
    """
    heights = (TALL * (1 - values)).round().astype(int)
    return " ".join(f"{x},{y}" for x, y in enumerate(heights))


def _blocks(report_data: ReportData, spans: Sequence[Span]) -> list[Block]:
    """Spans by their place in the recording; those outside it are cut."""
    start, duration = (
        report_data.decomposition.start,
        report_data.decomposition.duration,
    )
    limits = (start, start + duration)
    clipped = [np.clip(span, *limits).tolist() for span in sorted(spans)]
    return [
        Block(
            left=round(100 * (low - start) / duration, 4),
            width=round(100 * (high - low) / duration, 4),
            start=low,
            end=high,
        )
        for low, high in clipped
        if low < high
    ]


TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class ClassResult:
    """F1 of a class on the test programmes; None where it is undefined."""

    class_name: str
    teacher: float | None
    student: float | None


@dataclass(frozen=True)
class Demo:
    """What the page of a demo shows.

    Arguments
    ---------
    title : str
        Its headline.
    introduction : str
        One or two sentences on what was run.
    scores : Sequence[ClassResult]
        F1 of teacher and student.
    report_data : ReportData
        A test programme with its reference.
    explanations : Sequence[Explanation]
        Of that programme; the page opens on the first.
    facts : dict[str, str]
        Short facts by their name, such as ``training time: 3 min``.
    """

    title: str
    introduction: str
    scores: Sequence[ClassResult]
    report_data: ReportData
    explanations: Sequence[Explanation]
    facts: dict[str, str] = field(default_factory=dict)


def render_report(document: str, report_data: ReportData) -> str:
    """Page of a recording: look, listen, ask why.

    Arguments
    ---------
    document : str
        JSON of ``explanation.json``: the numbers that the page shows. Of the
        paths in it the page has the names alone.
    report_data : ReportData
        The recording.

    Returns
    -------
    str
        HTML.
    """
    recording = _recording(document, report_data)
    return render_page("report.html.j2", recording=recording)


def render_demo(demo: Demo) -> str:
    """Page of a demo: scores, then a programme to ask why.

    Arguments
    ---------
    demo : Demo
        What to show.

    Returns
    -------
    str
        HTML.
    """
    document = make_document(demo.explanations, demo.report_data)
    text = json.dumps(document, allow_nan=False)
    recording = _recording(text, demo.report_data)
    return render_page("demo.html.j2", demo=demo, recording=recording)


def time_ticks(duration: float, most: int = 8) -> list[float]:
    """Round times from zero on, at most ``most`` of them after zero.

    Example
    -------
    >>> time_ticks(95.0)
    [0.0, 20.0, 40.0, 60.0, 80.0]
    """
    steps = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
    step = next((s for s in steps if duration / s <= most), steps[-1])
    return [float(t) for t in range(0, int(duration) + 1, step)]


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds.

    Example
    -------
    >>> clock(75.0)
    '1:15'
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def shown_name(path: str) -> str:
    """Last part of a path, as text that can stand in a page.

    Example
    -------
    >>> shown_name("/home/me/shows/a.wav"), shown_name(r"C:\\shows\\a.wav")
    ('a.wav', 'a.wav')
    """
    name = re.split(r"[/\\]", path.rstrip("/\\"))[-1]
    # A file name that is no UTF-8 cannot stand there as it is.
    return name.encode("utf-8", "replace").decode()


def shown_model(name: str) -> str:
    """Hub id of a model as it is, and of a folder its last part.

    Example
    -------
    >>> shown_model("org/name"), shown_model("/home/me/models/student/")
    ('org/name', 'student')
    """
    is_id = name.count("/") == 1 and not name.startswith((".", "~", "/"))
    return name if is_id and not os.path.exists(name) else shown_name(name)


def _recording(document: str, report_data: ReportData) -> dict[str, Any]:
    """What the template of a recording needs."""
    decomposition = report_data.decomposition
    name, model = (
        shown_name(decomposition.name),
        shown_model(report_data.weights.name),
    )
    # Numbers and all, but no folder of whoever made the page to be shared.
    numbers = {**json.loads(document), "audio": name, "model": model}
    return {
        "name": name,
        "model": model,
        "duration": decomposition.duration,
        "start": decomposition.start,
        "lanes": make_lanes(report_data),
        "ticks": time_ticks(decomposition.duration),
        "has_reference": report_data.reference is not None,
        "own_atoms": report_data.weights.own is not None,
        "document": _inside_script(json.dumps(numbers, allow_nan=False)),
        "data": _inside_script(json.dumps(page_data(report_data))),
    }


def _inside_script(text: str) -> Markup:
    """JSON that no HTML parser takes for the end of its script."""
    return Markup(text.replace("<", r"\u003c"))


def _source(name: str) -> Markup:
    """A script or a licence as it is; its braces mean nothing to Jinja."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


def render_page(template: str, folder: Path = TEMPLATES, **values: Any) -> str:
    """Page of a template: one file that asks for nothing from the network.

    Arguments
    ---------
    template : str
        File that extends ``page.html.j2`` by blocks ``title`` and ``content``.
    folder : pathlib.Path
        Where it is; by default the templates of the package.
    **values : dict
        What the template names. Text is escaped; an unknown name is an error.

    Returns
    -------
    str
        HTML.
    """
    return _environment(folder).get_template(template).render(**values)


def _environment(folder: Path) -> jinja2.Environment:
    """Templates with escaping, and with an error for an unknown name."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clock"] = clock
    environment.globals.update(source=_source, colours=CLASS_COLOURS)
    return environment


SAMPLE_BYTES = 2  # of a sound that is written: 16 bits


def save_explanations(
    folder: str | os.PathLike[str],
    explanations: Sequence[Explanation],
    report_data: ReportData,
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
    report_data : ReportData
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
    document = make_document(explanations, report_data)
    text = json.dumps(document, indent=1, allow_nan=False)
    dense = json.dumps(document, separators=(",", ":"), allow_nan=False)
    html = render_report(dense, report_data)
    sounds = sum(len(e.sound[0]) * SAMPLE_BYTES for e in explanations)
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
    """Write the sound of an explanation: WAV, mono, 16 bits, at its own rate.

    Arguments
    ---------
    explanation : Explanation
        An explanation.
    path : str or os.PathLike
        The file to write.
    """
    sound, rate = explanation.sound
    write_audio(path, fit_range(sound), rate)

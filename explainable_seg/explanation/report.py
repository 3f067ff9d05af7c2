"""Self-contained pages: why each class was found, and how a demo went.

A page is one file. Its style, pictures and sounds are inside it; it asks for
nothing from the network and says so to the browser.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
import numpy as np

from explainable_seg.explanation.cards import make_card
from explainable_seg.explanation.explanation import Explanation
from explainable_seg.explanation.page_media import audio_address
from explainable_seg.explanation.pictures import SIZE, TIME_AXIS, TITLE
from explainable_seg.explanation.style import CLASS_COLOURS
from explainable_seg.frames import Span

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class ClassScore:
    """F1 of a class on the test programmes; None where it is undefined."""

    class_name: str
    teacher: float | None
    student: float | None


@dataclass(frozen=True)
class Lane:
    """Where a class is, and where it was found, in seconds."""

    class_name: str
    reference: Sequence[Span]
    predicted: Sequence[Span]


@dataclass(frozen=True)
class Programme:
    """A recording to look at and, with its audio [N] at 16 kHz, to play."""

    name: str
    duration: float
    lanes: Sequence[Lane]
    audio: np.ndarray | None = None


@dataclass(frozen=True)
class Demo:
    """What the page of a demo shows.

    Arguments
    ---------
    title : str
        Its headline.
    introduction : str
        One or two sentences on what was run.
    scores : Sequence[ClassScore]
        F1 of teacher and student.
    programme : Programme
        A test programme with its reference.
    explanations : Sequence[Explanation]
        What to look at and play, about one a class.
    facts : dict[str, str]
        Short facts by their name, such as ``training time: 3 min``.
    """

    title: str
    introduction: str
    scores: Sequence[ClassScore]
    programme: Programme
    explanations: Sequence[Explanation]
    facts: dict[str, str] = field(default_factory=dict)


def render_report(explanations: Sequence[Explanation]) -> str:
    """Page with a card for each explanation of a recording.

    Arguments
    ---------
    explanations : Sequence[Explanation]
        At least one, all of the same recording and model.

    Returns
    -------
    str
        HTML.
    """
    first = explanations[0]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            # A file name that is no UTF-8 cannot stand in a page as it is.
            audio=first.passage.name.encode("utf-8", "replace").decode(),
            model=first.weights.name,
            cards=[make_card(e) for e in explanations],
        )
    )


def render_demo(demo: Demo) -> str:
    """Page of a demo: scores, a programme with its lanes, explanations.

    Arguments
    ---------
    demo : Demo
        What to show.

    Returns
    -------
    str
        HTML.
    """
    audio = demo.programme.audio
    return (
        _environment()
        .get_template("demo.html.j2")
        .render(
            demo=demo,
            programme_audio=None if audio is None else audio_address(audio),
            ticks=time_ticks(demo.programme.duration),
            cards=[make_card(e) for e in demo.explanations],
        )
    )


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


def _environment() -> jinja2.Environment:
    """Templates with escaping, and with an error for an unknown name."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clock"] = clock
    environment.globals.update(
        colours=CLASS_COLOURS,
        time_axis=TIME_AXIS,
        # The words above the panels stand in the page itself. A margin is in
        # percent of the width.
        picture_cut=100 * TITLE * SIZE[1] / SIZE[0],
    )
    return environment

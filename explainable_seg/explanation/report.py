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
from markupsafe import Markup

from explainable_seg.explanation.document import make_document
from explainable_seg.explanation.explanation import Explanation
from explainable_seg.explanation.findings import Findings
from explainable_seg.explanation.lanes import make_lanes
from explainable_seg.explanation.page_data import page_data
from explainable_seg.explanation.style import CLASS_COLOURS

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class ClassScore:
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
    scores : Sequence[ClassScore]
        F1 of teacher and student.
    findings : Findings
        A test programme with its reference.
    explanations : Sequence[Explanation]
        Of that programme; the page opens on the first.
    facts : dict[str, str]
        Short facts by their name, such as ``training time: 3 min``.
    """

    title: str
    introduction: str
    scores: Sequence[ClassScore]
    findings: Findings
    explanations: Sequence[Explanation]
    facts: dict[str, str] = field(default_factory=dict)


def render_report(document: str, findings: Findings) -> str:
    """Page of a recording: look, listen, ask why.

    Arguments
    ---------
    document : str
        JSON of ``explanation.json``: the numbers that the page shows. Of the
        paths in it the page has the names alone.
    findings : Findings
        The recording.

    Returns
    -------
    str
        HTML.
    """
    return (
        _environment()
        .get_template("report.html.j2")
        .render(recording=_recording(document, findings))
    )


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
    document = make_document(demo.explanations, demo.findings)
    text = json.dumps(document, allow_nan=False)
    return (
        _environment()
        .get_template("demo.html.j2")
        .render(demo=demo, recording=_recording(text, demo.findings))
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


def _recording(document: str, findings: Findings) -> dict[str, Any]:
    """What the template of a recording needs."""
    reading = findings.reading
    name, model = shown_name(reading.name), shown_model(findings.weights.name)
    # Numbers and all, but no folder of whoever made the page to be shared.
    numbers = {**json.loads(document), "audio": name, "model": model}
    return {
        "name": name,
        "model": model,
        "duration": reading.duration,
        "start": reading.start,
        "lanes": make_lanes(findings),
        "ticks": time_ticks(reading.duration),
        "has_reference": findings.reference is not None,
        "document": _inside_script(json.dumps(numbers, allow_nan=False)),
        "data": _inside_script(json.dumps(page_data(findings))),
    }


def _inside_script(text: str) -> Markup:
    """JSON that no HTML parser takes for the end of its script."""
    return Markup(text.replace("<", r"\u003c"))


def _source(name: str) -> Markup:
    """A script or a licence as it is; its braces mean nothing to Jinja."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


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
    environment.globals.update(source=_source, colours=CLASS_COLOURS)
    return environment

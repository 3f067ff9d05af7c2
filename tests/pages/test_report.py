"""Pages: everything inside, nothing outside, every part there."""

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from explainable_seg.explanation import (
    Decomposition,
    Explanation,
    StudentWeights,
    explain_class,
)
from explainable_seg.explanation.explanation import ReportData
from explainable_seg.pages.page_data import (
    audio_address,
    fit_range,
    make_document,
)
from explainable_seg.pages.report import (
    TEMPLATES,
    ClassResult,
    Demo,
    make_lanes,
    render_demo,
    render_report,
    shown_model,
    shown_name,
    time_ticks,
)

Attributes = list[tuple[str, str | None]]


class Page(HTMLParser):
    """Tags of a page with their attributes, checked to be balanced."""

    VOID = ("meta", "img", "br", "hr", "link", "input")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of all tags of a name."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def explanations(
    decomposition: Decomposition, weights: StudentWeights
) -> list[Explanation]:
    """One found, one not."""
    return [
        explain_class(decomposition, weights, "speech"),
        explain_class(decomposition, weights, "noise", 0.1, 1.1),
    ]


@pytest.fixture(scope="module")
def report_data(
    decomposition: Decomposition, weights: StudentWeights
) -> ReportData:
    """Speech found twice; its truth is known, and that of no other class."""
    return ReportData(
        decomposition,
        weights,
        {"speech": [(0.02, 0.5), (0.6, 1.0)]},
        {"speech": [(0.0, 1.0)]},
    )


def page_of(explanations: list[Explanation], report_data: ReportData) -> str:
    """The page of a recording."""
    document = make_document(explanations, report_data)
    return render_report(json.dumps(document), report_data)


@pytest.fixture(scope="module")
def demo(report_data: ReportData, explanations: list[Explanation]) -> Demo:
    """A demo with a class that has no score."""
    return Demo(
        title="A demo",
        introduction="What was run.",
        scores=[
            ClassResult("speech", 0.9684, 0.9512),
            ClassResult("overlap", 0.6, None),
        ],
        report_data=report_data,
        explanations=explanations,
        facts={"training": "3 min"},
    )


def assert_self_contained(page: Page) -> None:
    """Nothing is loaded from anywhere, and the browser is told so."""
    for _, attributes in page.tags:
        assert (attributes.get("src") or "data:").startswith("data:")
        assert (attributes.get("href") or "#").startswith(("data:", "#"))
    policy = page.all("meta")[2]
    assert policy["content"].startswith("default-src 'none'")
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    style += (TEMPLATES / "viewer/viewer.css").read_text(encoding="utf-8")
    assert not re.search(r"https?://|url\(|@import", style)


def test_a_report_is_self_contained(
    explanations: list[Explanation], report_data: ReportData
) -> None:
    text = page_of(explanations, report_data)
    page = Page(text)
    assert_self_contained(page)
    lanes = [a for a in page.all("div") if a.get("class") == "lane"]
    assert [lane["data-class"] for lane in lanes] == [
        *("speech", "music", "noise", "overlap")
    ]
    blocks = [a for a in page.all("button") if "data-start" in a]
    assert [block["data-start"] for block in blocks] == ["0.02", "0.6"]
    assert 'data-hint="sound"' in text and "a tone around 3 kHz" in text
    assert "two tones.wav" in text and "a/model" in text
    assert "BSD 3-Clause License" in text and "Fedor Indutny" in text


def test_a_page_of_own_atoms_says_whose_each_is(
    report_data: ReportData, own_weights: StudentWeights
) -> None:
    assert 'data-hint="owner"' not in page_of([], report_data)
    own = dataclasses.replace(report_data, weights=own_weights)
    text = page_of([], own)
    assert 'data-hint="owner"' in text
    heads = Page(text).all("th")
    assert len(heads) == len(Page(page_of([], report_data)).all("th")) + 1


def test_a_demo_is_self_contained(demo: Demo) -> None:
    text = render_demo(demo)
    assert_self_contained(Page(text))
    assert "0.968" in text and "0.951" in text and "&ndash;" in text
    assert "3 min" in text


def test_a_demo_that_found_nothing_has_a_page(demo: Demo) -> None:
    nothing = dataclasses.replace(demo.report_data, spans={})
    empty = dataclasses.replace(demo, report_data=nothing, explanations=[])
    assert not [
        a for a in Page(render_demo(empty)).all("button") if "data-start" in a
    ]


def test_names_are_escaped(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    strange = dataclasses.replace(decomposition, name="<b>&<script>\udce9.wav")
    text = page_of([], ReportData(strange, weights, {}))
    assert "<b>" not in text and "&lt;b&gt;&amp;" in text
    assert r"\u003cb>&\u003cscript>" in text
    Page(text)
    text.encode("utf-8")


def test_lanes_lie_where_the_spans_are(report_data: ReportData) -> None:
    speech, music, *_ = make_lanes(report_data)
    duration = report_data.decomposition.duration
    assert duration == 2.0
    assert [(b.left, b.width) for b in speech.found] == [(1, 24), (30, 20)]
    assert speech.reference is not None and music.reference is None
    assert [(b.left, b.width) for b in speech.reference] == [(0, 50)]
    assert speech.seconds == pytest.approx(0.88) and music.seconds == 0
    heights = [int(point.split(",")[1]) for point in speech.line.split()]
    expected = 100 * (1 - report_data.decomposition.probabilities[:, 0])
    np.testing.assert_allclose(heights, expected, atol=0.51)


def test_what_lies_beyond_the_recording_is_cut(report_data: ReportData) -> None:
    beyond = {"speech": [(1.5, 9.0), (-1.0, 0.5), (3.0, 4.0)]}
    lane, *_ = make_lanes(dataclasses.replace(report_data, reference=beyond))
    assert [(b.left, b.width) for b in lane.reference or ()] == [
        (0, 25),
        (75, 25),
    ]


def test_media_are_small(decomposition: Decomposition) -> None:
    assert len(audio_address(decomposition.audio)) < 8000 * 2


def test_sound_beyond_full_scale_is_scaled_not_clipped() -> None:
    assert fit_range(np.array([0.1, -0.2])).tolist() == [0.1, -0.2]
    assert fit_range(np.array([1.0, -4.0])).tolist() == [0.25, -1.0]


def test_ticks_are_few_and_round() -> None:
    for duration in (0.5, 3.0, 59.0, 600.0, 3599.0, 40000.0):
        ticks = time_ticks(duration)
        assert ticks[0] == 0 and ticks[-1] <= duration
        assert len(ticks) <= 12


@pytest.mark.parametrize(
    "path",
    ["/home/me/secret/show.wav", r"C:\secret\show.wav", "secret/show.wav"],
)
def test_a_page_to_be_shared_shows_no_folder(
    decomposition: Decomposition,
    weights: StudentWeights,
    demo: Demo,
    path: str,
    tmp_path: Path,
) -> None:
    model = tmp_path / "secret" / "student"
    model.mkdir(parents=True)
    report_data = ReportData(
        dataclasses.replace(decomposition, name=path),
        dataclasses.replace(weights, name=f"{model}/"),
        {},
    )
    pages = (
        page_of([], report_data),
        render_demo(dataclasses.replace(demo, report_data=report_data)),
    )
    for text in pages:
        assert "secret" not in text and str(tmp_path) not in text
        assert "show.wav" in text
    assert "model student" in pages[0]


def test_the_id_of_a_model_on_the_hub_stays_whole() -> None:
    assert shown_model("org/name") == "org/name"
    assert shown_model("name") == shown_model("./models/name") == "name"
    assert shown_model("") == shown_name("") == ""

"""Pages: everything inside, nothing outside, every part there."""

import base64
import dataclasses
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from explainable_seg.explanation import (
    Explanation,
    Reading,
    StudentWeights,
    explain_class,
)
from explainable_seg.explanation.cards import MOST_SECONDS, make_card
from explainable_seg.explanation.page_media import audio_address, fit_range
from explainable_seg.explanation.report import (
    ClassScore,
    Demo,
    Lane,
    Programme,
    render_demo,
    render_report,
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
    reading: Reading, weights: StudentWeights
) -> list[Explanation]:
    """One found, one not."""
    return [
        explain_class(reading, weights, "speech"),
        explain_class(reading, weights, "noise", 0.1, 1.1),
    ]


@pytest.fixture(scope="module")
def demo(reading: Reading, explanations: list[Explanation]) -> Demo:
    """A demo with a class that has no score."""
    return Demo(
        title="A demo",
        introduction="What was run.",
        scores=[
            ClassScore("speech", 0.9684, 0.9512),
            ClassScore("overlap", 0.6, None),
        ],
        programme=Programme(
            "show",
            2.0,
            [Lane("speech", [(0.0, 1.0)], [(0.02, 0.5), (0.6, 1.0)])],
            reading.audio,
        ),
        explanations=explanations,
        facts={"training": "3 min"},
    )


def assert_self_contained(page: Page, text: str) -> None:
    """Nothing is loaded from anywhere, and the browser is told so."""
    for _, attributes in page.tags:
        assert (attributes.get("src") or "data:").startswith("data:")
        assert (attributes.get("href") or "#").startswith("#")
    assert not page.all("link")
    assert not re.search(r"https?://|url\(|@import", text)
    policy = page.all("meta")[2]
    assert policy["content"].startswith("default-src 'none'")


def test_a_report_is_self_contained(explanations: list[Explanation]) -> None:
    text = render_report(explanations)
    page = Page(text)
    assert_self_contained(page, text)
    assert len(page.all("audio")) == 6 and len(page.all("img")) == 2
    assert {"speech", "noise"} == {s.get("id") for s in page.all("section")}
    assert "two tones.wav" in text and "a/model" in text
    assert "Speech was found from 0.0 to 1.0 s." in text
    assert "No noise was found from 0.1 to 1.1 s." in text
    assert "error of" in text and "account for" in text


def test_a_demo_is_self_contained(demo: Demo) -> None:
    text = render_demo(demo)
    page = Page(text)
    assert_self_contained(page, text)
    assert len(page.all("rect")) == 3
    assert len(page.all("audio")) == 7
    assert "0.968" in text and "0.951" in text and "&ndash;" in text
    assert "3 min" in text


def test_a_demo_without_sound_has_no_player_for_it(demo: Demo) -> None:
    silent = dataclasses.replace(
        demo,
        programme=dataclasses.replace(demo.programme, audio=None),
        explanations=[],
    )
    assert not Page(render_demo(silent)).all("audio")


def test_names_are_escaped(reading: Reading, weights: StudentWeights) -> None:
    strange = dataclasses.replace(reading, name="<b>&\udce9.wav")
    explanation = explain_class(strange, weights, "speech")
    text = render_report([explanation])
    assert "<b>" not in text and "&lt;b&gt;&amp;?.wav" in text
    text.encode("utf-8")


def test_the_three_sounds_add_up(explanations: list[Explanation]) -> None:
    decoded = []
    for player in make_card(explanations[0]).players:
        content = base64.b64decode(player.address.split(",")[1])
        audio, rate = soundfile.read(io.BytesIO(content))
        assert rate == 16000
        decoded.append(audio)
    whole, part, rest = decoded
    assert len(whole) == len(part) == len(rest)
    # MP3 loses a little.
    np.testing.assert_allclose(part + rest, whole, atol=0.05)


def test_long_sounds_are_shortened_and_the_page_says_so(
    explanations: list[Explanation],
) -> None:
    explanation = explanations[0]
    n_samples = (MOST_SECONDS + 5) * 16000
    passage = dataclasses.replace(
        explanation.passage, audio=np.zeros(n_samples, dtype=np.float32)
    )
    longer = dataclasses.replace(
        explanation, passage=passage, audio=np.zeros(n_samples)
    )
    card = make_card(longer)
    content = base64.b64decode(card.players[0].address.split(",")[1])
    audio, _ = soundfile.read(io.BytesIO(content))
    assert abs(len(audio) / 16000 - MOST_SECONDS) < 0.1
    assert card.shortened and card.seconds == MOST_SECONDS + 5
    assert "explanation_speech.wav" in render_report([longer])


def test_rows_of_atoms_are_in_order(explanations: list[Explanation]) -> None:
    rows = make_card(explanations[0]).atoms
    assert [row.index for row in rows] == [0, 1]
    assert rows[0].width == 1 and rows[0].speaks_for and rows[0].selected
    assert not rows[1].speaks_for and not rows[1].selected


def test_media_are_small(reading: Reading) -> None:
    assert len(audio_address(reading.audio)) < 8000 * 2


def test_sound_beyond_full_scale_is_scaled_not_clipped() -> None:
    assert fit_range(np.array([0.1, -0.2])).tolist() == [0.1, -0.2]
    assert fit_range(np.array([1.0, -4.0])).tolist() == [0.25, -1.0]


def test_ticks_are_few_and_round() -> None:
    for duration in (0.5, 3.0, 59.0, 600.0, 3599.0, 40000.0):
        ticks = time_ticks(duration)
        assert ticks[0] == 0 and ticks[-1] <= duration
        assert len(ticks) <= 12

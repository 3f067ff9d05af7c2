"""The page of a recording, used as people use it."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browser.conftest import until

from explainable_seg.explanation.explanation import explain_class
from explainable_seg.explanation.grounding import CLOSE
from explainable_seg.explanation.masks import (
    active_samples,
    apply_mask,
    class_mask,
    frame_gate,
)
from explainable_seg.explanation.selection import DEFAULT_TAU
from explainable_seg.explanation.words import describe_atoms
from explainable_seg.pages.report import Demo, render_demo

MINUS = "\N{MINUS SIGN}"
Visit = Callable[..., Any]


def document(explained: Any) -> dict[str, Any]:
    """The content of explanation.json."""
    return json.loads((explained.folder / "explanation.json").read_text())


def longest(explained: Any, name: str) -> dict[str, Any]:
    """The longest segment of a class."""
    segments = document(explained)["segments"]
    return max(
        (s for s in segments if s["class"] == name), key=lambda s: s["frames"]
    )


def block(page: Any, segment: dict[str, Any]) -> Any:
    """The block of a segment in its lane."""
    return page.locator(
        f'.lane[data-class="{segment["class"]}"] '
        f'.found button[data-start="{segment["start"]}"]'
    )


def signed(value: float) -> str:
    """A number as the page writes it."""
    return f"{value:+.2f}".replace("-", MINUS)


def relevances(explained: Any, segment: dict[str, Any]) -> dict[int, float]:
    """What each atom adds, from the numbers of the file."""
    classifier = document(explained)["classifier"]
    theta = classifier["theta"][classifier["classes"].index(segment["class"])]
    return {int(k): z * theta[int(k)] for k, z in segment["z"].items()}


def assert_shows(page: Any, explained: Any, segment: dict[str, Any]) -> None:
    """The page shows the numbers of a segment, and says so."""
    name = segment["class"]
    place = f"{segment['start']:.2f} to {segment['end']:.2f} s"
    assert page.inner_text("#why-title").endswith(place)
    assert "are exact" in page.inner_text("#exactness")
    for other, logit in segment["logit_means"].items():
        row = page.inner_text(f'.sum-row[data-class="{other}"]')
        assert f"score {signed(logit)}: " in row
    lead = page.inner_text("#lead")
    assert f"score of {name} is" in lead
    assert ("That is close" in lead) == (abs(segment["margin"]) < CLOSE)
    error = segment["reconstruction_error"]
    assert f"error is {error:.2f} " in page.inner_text("#grounding")
    expected = relevances(explained, segment)
    rows = page.query_selector_all("#atoms tbody tr")
    shown = {
        int(row.get_attribute("data-atom")): row.query_selector(
            ".adds"
        ).inner_text()
        for row in rows
    }
    assert shown == {k: signed(expected[k]) for k in shown}
    strongest = sorted(expected, key=lambda k: -expected[k])[:9]
    least = DEFAULT_TAU * expected[strongest[0]]
    assert {k for k in strongest if expected[k] > least} <= set(shown)


def test_a_click_shows_the_numbers_of_the_file(
    explained: Any, visit: Visit
) -> None:
    page = visit(explained.address)
    for name in ("music", "speech"):
        segment = longest(explained, name)
        block(page, segment).click()
        assert page.inner_text("#why-title").startswith(f"Why {name}?")
        assert_shows(page, explained, segment)


def test_atoms_are_sorted_by_their_peak(explained: Any, visit: Visit) -> None:
    page = visit(explained.address)
    page.click("#all-atoms")
    peaks = document(explained)["classifier"]["peak_hz"]
    rows = page.query_selector_all("#atoms tbody tr")
    order = [peaks[int(row.get_attribute("data-atom"))] for row in rows]
    assert len(order) > 12 and order == sorted(order)


def test_close_decisions_are_said_to_be_close(
    explained: Any, visit: Visit
) -> None:
    page = visit(explained.address)
    assert page.evaluate("recording.close") == CLOSE
    margins = [abs(s["margin"]) for s in document(explained)["segments"]]
    # A limit between two of these segments, whatever the model says of them.
    low, high = sorted(margins)[len(margins) // 2 - 1 :][:2]
    assert low < high
    warned = page.evaluate(
        """(limit) => {
          recording.close = limit;
          return numbers.segments.map((entry) => {
            const passage = passageOfSegment(entry);
            const words = answer(passage, explain(passage, entry.class));
            return words.includes("That is close: trust this answer with care");
          });
        }""",
        (low + high) / 2,
    )
    assert warned == [margin <= low for margin in margins]


def test_the_keyboard_walks_through_a_lane(
    explained: Any, visit: Visit
) -> None:
    page = visit(explained.address)
    segments = document(explained)["segments"]
    names = [segment["class"] for segment in segments]
    name = max(names, key=names.count)
    ours = [segment for segment in segments if segment["class"] == name]
    assert len(ours) > 2
    lane = page.locator(f'.lane[data-class="{name}"]')
    assert lane.locator('[tabindex="0"]').count() == 1
    lane.locator('[tabindex="0"]').focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    assert_shows(page, explained, ours[1])
    pressed = lane.locator('.found button[aria-pressed="true"]')
    assert pressed.get_attribute("data-start") == str(ours[1]["start"])
    page.keyboard.press("End")
    page.keyboard.press("Space")
    assert_shows(page, explained, ours[-1])
    assert lane.locator('[tabindex="0"]').count() == 1


def test_everything_is_reached_by_tab(explained: Any, visit: Visit) -> None:
    page = visit(explained.address)
    reached = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.dataset."
                "sound || document.activeElement.dataset.atom || document."
                "activeElement.closest('.lane')?.dataset.class"
            )
        )
    assert {"play", "zoom-in", "span-start", "input", "inside"} <= reached
    assert {"speech", "music", "all-atoms", "outside", "asked"} <= reached


def test_it_plays_and_the_cursor_moves(explained: Any, visit: Visit) -> None:
    page = visit(explained.address)
    left = "parseFloat(document.getElementById('playhead').style.left)"
    assert page.evaluate(left) == 0
    page.click("#play")
    until(page, f"{left} > 2")
    assert page.inner_text("#play") == "Pause"
    page.click("#play")
    until(page, "byId('play').textContent === 'Play'")
    shown = float(page.inner_text("#time").removeprefix("0:"))
    assert page.evaluate(left) == pytest.approx(100 * shown / 20, abs=0.6)


@pytest.mark.parametrize("kind", ["input", "inside", "outside"])
def test_a_segment_can_be_heard(
    explained: Any, visit: Visit, kind: str
) -> None:
    page = visit(explained.address)
    segment = longest(explained, "speech")
    block(page, segment).click()
    button = page.locator(f'[data-sound="{kind}"]')
    button.click()
    until(
        page,
        f"parseFloat(byId('time').textContent.slice(2)) > {segment['start']}"
        " + 0.3 && !byId('picture-head').hidden",
    )
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    until(
        page,
        f"document.querySelector('[data-sound={kind}]')"
        ".getAttribute('aria-pressed') === 'false'",
    )


def heard(page: Any, expression: str) -> dict[str, np.ndarray]:
    """Sounds that the page makes of a passage."""
    sounds = page.evaluate(
        f"""async () => {{
          const passage = {expression};
          const why = explain(passage, passage.className);
          const made = await soundsOf(passage, why.selected);
          const text = (samples) => {{
            const bytes = new Uint8Array(Float32Array.from(samples).buffer);
            return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
          }};
          return Object.fromEntries(
            Object.entries(made).map(([kind, samples]) => [kind, text(samples)]));
        }}"""
    )
    return {
        kind: np.frombuffer(base64.b64decode(text), dtype="<f4")
        for kind, text in sounds.items()
    }


def decibels(signal: np.ndarray, error: np.ndarray) -> float:
    """Level of a signal over an error."""
    return float(10 * np.log10((signal**2).sum() / (error**2).sum()))


@pytest.mark.parametrize("name", ["speech", "music"])
@pytest.mark.parametrize(
    ("which", "rate", "agreement"),
    # Transforms of the page are powers of two, so bins differ at 44.1 kHz.
    [
        ("explained", 16000, 60),
        ("explained_by_own", 44100, 30),
        ("explained_by_shared", 16000, 60),
    ],
)
def test_the_sounds_are_those_of_the_package(
    request: pytest.FixtureRequest,
    visit: Visit,
    name: str,
    which: str,
    rate: int,
    agreement: float,
) -> None:
    explained = request.getfixturevalue(which)
    page = visit(explained.address)
    entries = document(explained)["explanations"]
    index = [e["class"] for e in entries].index(name)
    sounds = heard(page, f"passageOfExplanation(numbers.explanations[{index}])")
    same = explained.segmenter.explain(explained.analysis, name)
    passage = same.passage
    recorded, found_rate = passage.as_recorded
    assert found_rate == rate
    # The page has the sound as MP3: in time, and a little changed.
    assert decibels(recorded, sounds["input"] - recorded) > 10
    np.testing.assert_allclose(
        sounds["inside"] + sounds["outside"], sounds["input"], atol=1e-6
    )
    mask = class_mask(
        passage.activations,
        same.weights.dictionary,
        torch.from_numpy(same.selected),
        same.weights.sources,
    )
    centre = passage.first_centre
    expected = apply_mask(sounds["input"].copy(), mask, centre, rate)
    expected *= frame_gate(
        same.explained, len(recorded), centre, sample_rate=rate
    )
    assert len(active_samples(same.explained, len(passage.audio))) >= 1
    assert decibels(expected, sounds["inside"] - expected) > agreement


def test_dragging_chooses_a_span(explained: Any, visit: Visit) -> None:
    page = visit(explained.address)
    box = page.locator("#wave").bounding_box()
    height = box["y"] + 120
    page.mouse.move(box["x"] + 0.3 * box["width"], height)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], height, steps=10)
    page.mouse.up()
    until(page, "!state.passage.exact")
    start, end = page.evaluate("[state.passage.start, state.passage.end]")
    assert (start, end) == pytest.approx((6.0, 12.0), abs=0.2)
    assert "computed here" in page.inner_text("#exactness")
    assert_close_to_package(page, explained, start, end)


def assert_close_to_package(
    page: Any, explained: Any, start: float, end: float
) -> None:
    """Numbers of a span computed in the page, beside exact ones."""
    segmenter = explained.segmenter
    name = page.evaluate("state.className")
    exact = explain_class(
        explained.analysis.decomposition, segmenter._weights, name, start, end
    )
    why = page.evaluate("explain(state.passage, state.className)")
    np.testing.assert_allclose(why["relevance"], exact.relevance, atol=1e-3)
    assert why["logit"] == pytest.approx(exact.logit_mean, abs=5e-3)
    error = page.evaluate("state.passage.error")
    assert error == pytest.approx(exact.reconstruction_error, abs=1e-4)


def test_a_span_is_chosen_by_its_seconds(explained: Any, visit: Visit) -> None:
    page = visit(explained.address)
    page.click('#classes [data-class="overlap"]')
    page.fill("#span-start", "14.1")
    page.fill("#span-end", "14.9")
    page.keyboard.press("Enter")
    until(page, "state.passage.start === 14.1")
    assert page.inner_text("#why-title") == "Why not overlap? 14.10 to 14.90 s"
    assert_close_to_package(page, explained, 14.1, 14.9)


@pytest.mark.parametrize(
    "kind", ["explained", "explained_by_own", "explained_by_shared"]
)
def test_atoms_are_chosen_as_by_the_package(
    kind: str, request: pytest.FixtureRequest, visit: Visit
) -> None:
    explained = request.getfixturevalue(kind)
    page = visit(explained.address)
    for name in ("speech", "music", "noise", "overlap"):
        for start, end in ((0.0, 20.0), (4.0, 4.1), (14.1, 14.9)):
            exact = explain_class(
                explained.analysis.decomposition,
                explained.segmenter._weights,
                name,
                start,
                end,
            )
            passage = f"passageOfSpan('{name}', {start}, {end})"
            why = page.evaluate(f"explain({passage}, '{name}')")
            assert why["source"] == exact.source
            assert why["selected"] == np.flatnonzero(exact.selected).tolist()


def test_a_student_with_own_atoms_says_whose_each_is(
    explained_by_own: Any, visit: Visit
) -> None:
    page = visit(explained_by_own.address)
    segment = longest(explained_by_own, "speech")
    block(page, segment).click()
    assert_shows_own(page, explained_by_own, segment)
    assert page.inner_text("#inside") == "Only the speech atoms"
    assert "speech atoms make" in page.inner_text("figcaption")
    page.click('#classes [data-class="overlap"]')
    assert page.inner_text("#inside") == "Only the speech atoms"
    assert "atoms of speech that sound here" in page.inner_text("#lead")
    page.focus('[data-hint="masks"]')
    assert "overlap has those of speech" in page.inner_text("#hint")


def assert_shows_own(
    page: Any, explained: Any, segment: dict[str, Any]
) -> None:
    """All atoms of the class that sound are chosen; each row has an owner."""
    own = document(explained)["classifier"]["own"]
    sounding = [k for k in own["speech"] if str(k) in segment["z"]]
    assert segment["selected"] == sounding
    count = f"the {len(sounding)} atoms of speech that sound here"
    assert count in page.inner_text("#lead")
    page.click("#all-atoms")
    rows = page.query_selector_all("#atoms tbody tr")
    assert len(rows) > 12
    for row in rows:
        owner = row.query_selector(".owner").inner_text()
        assert int(row.get_attribute("data-atom")) in own[owner]


@pytest.mark.parametrize(
    "kind", ["explained", "explained_by_own", "explained_by_shared"]
)
def test_atoms_are_put_in_words(
    kind: str, request: pytest.FixtureRequest, visit: Visit
) -> None:
    explained = request.getfixturevalue(kind)
    page = visit(explained.address)
    page.click("#all-atoms")
    atoms = describe_atoms(explained.segmenter._weights)
    rows = page.query_selector_all("#atoms tbody tr")
    for row in rows[:5]:
        atom = atoms[int(row.get_attribute("data-atom"))]
        words = row.query_selector("td.bar .term")
        assert words.inner_text() == atom.sound
        words.focus()
        assert page.inner_text("#hint") == atom.evidence
    strongest = page.evaluate(
        "(() => { const why = explain(state.passage, state.className);"
        " return decidingAtoms(why).sort((a, b) =>"
        " why.relevance[b] - why.relevance[a])[0]; })()"
    )
    assert f", most of all {atoms[strongest].sound}: " in (
        page.inner_text("#lead")
    )


def test_symbols_are_explained(explained: Any, visit: Visit) -> None:
    page = visit(explained.address)
    hint = page.locator("#hint")
    assert not hint.is_visible()
    page.locator('[data-hint="theta"]').focus()
    assert "how strongly this atom speaks" in hint.inner_text()
    page.keyboard.press("Escape")
    assert not hint.is_visible()
    bars = page.query_selector_all("#sums i.for")
    widest = max(bars, key=lambda bar: (bar.bounding_box() or {})["width"])
    widest.hover(position={"x": 2, "y": 2})  # the mark of the sum is further on
    assert "strongest at" in hint.inner_text()
    for term in page.query_selector_all("[data-hint]"):
        assert len(term.get_attribute("aria-description") or "") > 20


def test_a_passage_alone_has_a_page(
    explained: Any, visit: Visit, tmp_path: Path
) -> None:
    explanation = explained.segmenter.explain(
        explained.analysis, "speech", 5.5, 12.5
    )
    explanation.save(tmp_path)
    page = visit((tmp_path / "report.html").as_uri())
    assert page.inner_text("#why-title") == "Why speech? 5.50 to 12.50 s"
    sum_row = page.inner_text('.sum-row[data-class="speech"]')
    assert f"score {signed(explanation.logit_mean)}: found" in sum_row
    sounds = heard(page, "state.passage")
    assert len(sounds["inside"]) == len(explanation.audio)
    assert decibels(explanation.audio, sounds["inside"] - explanation.audio) > 8
    page.click('[data-sound="input"]')
    until(page, "parseFloat(byId('time').textContent.slice(2)) > 5.8")
    assert 0 < page.evaluate("parseFloat(byId('playhead').style.left)") < 50


def test_the_page_of_a_demo_works_alike(
    explained: Any, visit: Visit, tmp_path: Path
) -> None:
    report_data = explained.segmenter.report_data(explained.analysis)
    why = explained.segmenter.explain(explained.analysis, "music", 1.0, 3.0)
    for name, explanations in {"some": [why], "none": []}.items():
        demo = Demo("A demo", "What it is.", [], report_data, explanations)
        path = tmp_path / f"{name}.html"
        path.write_text(render_demo(demo), encoding="utf-8")
        page = visit(path.as_uri())
        asked = page.inner_text("#why-title")
        assert (asked == "Why music? 1.00 to 3.00 s") == (name == "some")

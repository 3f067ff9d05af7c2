"""A page of a real recording in a real browser.

Run by ``make test-browser``: needs Chromium and the extra ``browser``.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

RATE = 16000
READY = "html[data-ready]"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass(frozen=True)
class Explained:
    """A recording, what was found in it, and the folder that holds it all."""

    segmenter: Any
    analysis: Any
    folder: Path

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return (self.folder / "report.html").as_uri()


def make_programme() -> np.ndarray:
    """20 s: music up to 14 s, a voice from 5 s on, rain thrice from 15 s on."""
    from explainable_seg.composer.music import make_music, possible_bands
    from explainable_seg.composer.music_styles import STYLES
    from explainable_seg.composer.noise import make_noise
    from explainable_seg.composer.speech import MALE_VOICES, speak

    generator = np.random.default_rng(0)
    audio = np.zeros(20 * RATE, dtype=np.float32)
    band = possible_bands(STYLES["waltz"])[0]
    music = make_music("waltz", band, 14.0, generator)[: 14 * RATE]
    audio[: len(music)] += 0.5 * music
    said = speak(MALE_VOICES[0], 8.0, generator)
    voice = np.concatenate([part.audio for part in said])[: 8 * RATE]
    audio[5 * RATE : 5 * RATE + len(voice)] += voice
    rain = 0.5 * make_noise("rain", 5.0, generator)
    for start in (1.1, 3.0):  # silence of 0.8 s
        rain[round(start * RATE) : round((start + 0.8) * RATE)] = 0
    audio[15 * RATE :] += rain
    return audio


def explain(
    audio: np.ndarray,
    folder: Path,
    atoms_per_class: Sequence[int] | None = (),
    rate: int = RATE,
) -> Explained:
    """Everything that the command ``explain`` writes, with a reference.

    The atoms of the default model may be dealt to the classes otherwise, or
    shared by all, and the recording may be of a higher quality than the model
    hears.
    """
    from explainable_seg import ExplainableSegmenter
    from explainable_seg.audio import resample
    from explainable_seg.classes import CLASSES
    from explainable_seg.pages.report import save_explanations

    recorded = resample(audio, RATE, rate)
    soundfile.write(folder / "show.wav", recorded, rate)
    segmenter = ExplainableSegmenter.from_pretrained(device="cpu")
    if atoms_per_class != ():
        segmenter.model.atoms_per_class = atoms_per_class
    analysis = segmenter.analyse(folder / "show.wav")
    found = analysis.segmentation.seconds()
    explanations = [
        segmenter.explain(analysis, name) for name in CLASSES if found[name]
    ]
    truth = {"speech": [(5.0, 13.0)], "music": [(0.0, 14.0)]}
    report_data = segmenter.report_data(analysis, truth)
    save_explanations(folder, explanations, report_data)
    return Explained(segmenter, analysis, folder)


def until(page: Any, expression: str, seconds: float = 20.0) -> None:
    """Wait until an expression holds; the page itself allows no eval."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never: {expression}"
        page.wait_for_timeout(50)


@pytest.fixture(scope="session")
def programme() -> np.ndarray:
    """The sound of a short programme."""
    return make_programme()


@pytest.fixture(scope="session")
def explained(
    programme: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Explained:
    """The short programme, explained."""
    return explain(programme, tmp_path_factory.mktemp("why"))


@pytest.fixture(scope="session")
def explained_by_own(
    programme: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Explained:
    """The same by a student whose overlap has no atoms of its own.

    It was recorded at 44.1 kHz.
    """
    folder = tmp_path_factory.mktemp("own")
    return explain(programme, folder, [60, 60, 40, 0], 44100)


@pytest.fixture(scope="session")
def explained_by_shared(
    programme: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Explained:
    """The same by a student whose classes share all atoms."""
    return explain(programme, tmp_path_factory.mktemp("shared"), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, without a window."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium:
        pytest.fail(
            "expected Chromium, got none; install it, or name it in $CHROMIUM"
        )
    with playwright.sync_playwright() as engine:
        started = engine.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield started
        started.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a page; it must ask for no other and complain of nothing."""
    contexts, complaints, asked = [], [], []

    def go(address: str, **options: Any) -> Any:
        options.setdefault("viewport", {"width": 1200, "height": 900})
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.wait_for_selector(READY, timeout=60_000)
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []
    outside = [url for url in asked if not url.startswith(("file:", "data:"))]
    assert outside == []

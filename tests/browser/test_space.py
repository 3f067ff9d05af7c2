"""The Space, run here and used in a real browser."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
import soundfile

pytest.importorskip("gradio")
playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

SPACE = Path(__file__).parents[2] / "docs/spaces"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 180  # seconds, of a machine with much to do


@pytest.fixture(scope="module")
def show(corpora, tmp_path_factory) -> Path:
    """A quarter of a minute of a real recording."""
    source = min((corpora / "realbroadcast").rglob("*.flac"))
    path = tmp_path_factory.mktemp("audio") / "show.wav"
    with soundfile.SoundFile(source) as sound:
        samples = sound.read(15 * sound.samplerate)
        soundfile.write(path, samples, sound.samplerate)
    return path


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """Of the Space, which runs in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("space") / "log"
    with open(log, "w") as stream:
        space = subprocess.Popen(
            [sys.executable, str(SPACE / "app.py")],
            env={**os.environ, "GRADIO_SERVER_PORT": str(port)},
            cwd=log.parent,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not _answers(url):
            assert space.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield url
    finally:
        space.terminate()
        space.wait()


def _answers(url: str) -> bool:
    """Whether a server is up."""
    try:
        with urlopen(url, timeout=10):
            return True
    except OSError:
        return False


@pytest.fixture
def page(show) -> Iterator:
    """A page of a browser whose microphone plays the recording."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--autoplay-policy=no-user-gesture-required",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={show}",
            ],
        )
        page = browser.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        yield page
        browser.close()


def explained(page) -> None:
    """Ask for the report; speech must be in it, and its sound must play."""
    page.get_by_role("button", name="Find and explain").click()
    report = page.frame_locator("iframe[title=Report]")
    report.get_by_text("speech").first.wait_for()
    sound = report.locator("audio").first
    sound.wait_for(state="attached")
    seconds = sound.evaluate(
        """async sound => {
            await sound.play();
            await new Promise(done => sound.ontimeupdate = () =>
                sound.currentTime > 0.2 && done());
            return sound.duration;
        }"""
    )
    assert seconds > 1


def test_an_upload_is_explained(address, page, show):
    page.goto(address)
    page.locator("#recording input[type=file]").set_input_files(show)
    page.locator("#recording").get_by_text("show.wav").wait_for()
    explained(page)


def test_what_is_no_sound_is_told_in_one_line(address, page, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    page.goto(address)
    field = page.locator("#recording input[type=file]")
    field.set_input_files(tmp_path / "text.wav")
    page.get_by_role("button", name="Find and explain").click()
    page.locator(".toast-wrap, .toast-body").first.wait_for()
    assert page.locator("iframe[title=Report]").count() == 0


def test_a_recording_of_the_microphone_is_explained(address, page):
    page.goto(address)
    recording = page.locator("#recording")
    recording.get_by_role("button", name="Record audio").click()
    recording.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(6000)
    recording.get_by_role("button", name="Stop").first.click()
    recording.get_by_label("Play").first.wait_for()
    explained(page)

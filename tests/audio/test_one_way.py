"""A chunk that training cuts out is what a run hears there."""

import numpy as np
import pytest
import soundfile
from tiny_student import tones

from explainable_seg.audio import (
    AudioStream,
    Excerpt,
    RumbleFilter,
    level as level_module,
    levelled,
    load_audio,
)
from explainable_seg.corpora.manifest import Region
from explainable_seg.training.chunks import (
    RecordedChunks,
    RegionGains,
    WholeRegions,
    read_region,
)

LEVEL = -20.0
RATES = [8000, 11025, 22050, 32000, 44100, 48000]


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch):
    """A minute lasts a second, so that ten of them are soon over."""
    monkeypatch.setattr(level_module, "PIECE", 16000)
    monkeypatch.setattr("explainable_seg.corpora.truth.PIECE", 16000)
    monkeypatch.setattr(level_module, "GAIN_FADE", 4000)


def uneven(folder, rate, extension="wav", channels=1, seconds=32.0):
    """A recording whose first half is 20 dB quieter, as a region."""
    sound = tones(seconds, rate)
    sound[: len(sound) // 2] *= 0.1
    sound += 0.05  # and that stands on a constant
    path = folder / f"show.{extension}"
    stacked = np.stack([sound, 0.5 * sound][:channels], axis=1)
    soundfile.write(path, stacked, rate)
    return Region(
        id="show",
        duration=seconds,
        wav=str(path),
        start=0,
        stop=len(sound),
        sample_rate=rate,
        recording="show",
        rttm=None,
        uems=dict.fromkeys(("speech", "music", "noise", "overlap")),
    )


def run_of(region):
    """What a run hears of a recording."""
    return np.concatenate(list(levelled(AudioStream(region.wav), LEVEL)))


@pytest.mark.parametrize("rate", [16000, *RATES])
def test_a_chunk_is_that_part_of_a_run(tmp_path, rate):
    region = uneven(tmp_path, rate)
    run = run_of(region)
    chunks = RecordedChunks([region], 4.0, level=LEVEL)
    drawn = chunks.sampler.draw
    for seed in range(12):
        _, start = drawn(np.random.default_rng(seed))
        audio, *_ = chunks.draw(np.random.default_rng(seed))
        first = int(start * 16000) // 320 * 320
        there = run[first : first + len(audio)]
        np.testing.assert_allclose(audio[: len(there)], there, atol=2e-6)


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("extension", ["flac", "ogg", "mp3", "aiff"])
def test_of_any_format_and_number_of_channels(tmp_path, rate, extension):
    region = uneven(tmp_path, rate, extension, channels=2, seconds=14.0)
    run = run_of(region)
    gains = RegionGains([region], LEVEL)
    for start in (0.0, 3.3, 9.99, 12.0):
        audio = read_region(region, start, 2.0, gains)
        there = run[round(start * 16000) :][: len(audio)]
        np.testing.assert_allclose(audio, there, atol=5e-6)


@pytest.mark.parametrize("rate", [16000, 44100])
def test_of_a_region_within_a_recording(tmp_path, rate):
    whole = uneven(tmp_path, rate)
    start, stop = 7 * rate + 13, 29 * rate
    region = Region(
        **{
            **vars(whole),
            "start": start,
            "stop": stop,
            "duration": (stop - start) / rate,
        }
    )
    excerpt = Excerpt(start=region.start_s, end=region.stop_s)
    run = np.concatenate(
        list(levelled(AudioStream(region.wav, None, excerpt), LEVEL))
    )
    np.testing.assert_allclose(
        run_of(whole)[:160], load_audio(whole.wav)[:160] * 9.99, atol=1.0
    )
    np.testing.assert_array_equal(
        WholeRegions([region], LEVEL)[0]["wav"].numpy(), run
    )
    gains = RegionGains([region], LEVEL)
    for second in (0.0, 5.0, 14.5, 20.5):
        audio = read_region(region, second, 1.5, gains)
        there = run[round(second * 16000) :][: len(audio)]
        np.testing.assert_allclose(audio, there, atol=2e-6)


@pytest.mark.parametrize("rate", [16000, *RATES])
@pytest.mark.parametrize("start, end", [(0.0, 1.0), (1.2345, 4.2), (9.0, 99)])
def test_an_excerpt_is_that_part_of_the_whole(rate, start, end):
    sound = tones(10.0, rate) + 0.2
    whole = load_audio(sound, sample_rate=rate)
    part = load_audio(sound, Excerpt(start=start, end=end), rate)
    there = whole[round(start * 16000) : round(end * 16000)]
    assert len(part) == len(there)
    np.testing.assert_allclose(part, there, atol=2e-6)


@pytest.mark.parametrize("rate", [16000, *RATES])
def test_a_constant_is_not_heard(rate):
    sound = 0.1 * tones(3.0, rate)
    for constant in (0.05, -0.5):
        np.testing.assert_allclose(
            load_audio(sound + np.float32(constant), sample_rate=rate),
            load_audio(sound, sample_rate=rate),
            atol=1e-6,
        )


@pytest.mark.parametrize(
    "hertz, lowest, highest",
    [
        (5, -200, -69),
        (10, -200, -69),
        (24, -200, -69),
        (35, -6.2, -5.8),
        (46, -0.1, 0.1),
        (440, -0.1, 0.1),
    ],
)
def test_rumble_goes_and_the_rest_stays(hertz, lowest, highest):
    time = np.arange(5 * 16000) / 16000
    tone = np.sin(2 * np.pi * hertz * time).astype(np.float32)
    heard = np.concatenate(list(RumbleFilter(16000).apply([tone])))[8000:-8000]
    decibels = 20 * np.log10(np.sqrt(2) * heard.std() + 1e-9)
    assert lowest < decibels < highest


@pytest.mark.parametrize(
    "sizes", [[1] * 50 + [5000], [1570, 1571, 1572], [7, 13]]
)
def test_how_the_filter_is_fed_does_not_matter(sizes):
    sound = tones(sum(sizes) / 16000)[: sum(sizes)]
    cuts = np.cumsum(sizes)[:-1]
    whole = np.concatenate(list(RumbleFilter(16000).apply([sound])))
    parts = np.split(sound, cuts)
    pieces = np.concatenate(list(RumbleFilter(16000).apply(parts)))
    assert len(whole) == len(sound)
    np.testing.assert_allclose(pieces, whole, atol=1e-7)


def test_a_click_does_not_set_the_level():
    sound = 0.05 * tones(30.0)
    clicked = sound.copy()
    clicked[8000:8800:2], clicked[8001:8800:2] = 0.99, -0.99
    quiet, loud = (
        np.concatenate(list(levelled([audio], LEVEL)))[16000:]
        for audio in (sound, clicked)
    )
    np.testing.assert_allclose(loud, quiet, rtol=0.03, atol=1e-6)

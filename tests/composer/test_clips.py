"""Lists of clips, their split by group, and the pool in memory."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from toy_clips import RATE, bursts, save, write_toy_clips

from explainable_seg.composer.clips import (
    Clip,
    read_clips,
    split_groups,
    write_clips,
)
from explainable_seg.composer.pool import ClipPool
from explainable_seg.errors import AudioError, CorpusError

HEADER = "path,class,group,duration,speech_spans\n"


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_toy_clips(tmp_path_factory.mktemp("clips"))


def test_list_round_trip(tmp_path):
    written = [
        Clip(str(tmp_path / "a/b.ogg"), "speech", "x", 2.5, ((0.1, 2.0),)),
        Clip(str(tmp_path / "c.ogg"), "music", "y", 3.0, ((0.0, 3.0),), 1.5),
        Clip("/elsewhere/d.ogg", "noise", "z", 1.0, ((0.0, 1.0),)),
    ]
    write_clips(tmp_path / "clips.csv", written)
    assert read_clips(tmp_path / "clips.csv") == written
    text = (tmp_path / "clips.csv").read_text()
    assert "\na/b.ogg,speech,x,2.5000,0.100-2.000,0.0000\n" in text


def test_list_moves_with_its_folder(tmp_path):
    old = tmp_path / "old"
    clip = save(old / "a.wav", np.zeros(RATE), "noise", "g")
    write_clips(old / "clips.csv", [clip])
    old.rename(tmp_path / "new")
    (moved,) = read_clips(tmp_path / "new/clips.csv")
    assert ClipPool([moved]).audio(moved, 0, 1).shape == (RATE,)


def test_real_list(corpora):
    path = corpora / "clips/clips.csv"
    listed = pd.read_csv(path).groupby("class").duration
    found: dict[str, list[float]] = {}
    for clip in read_clips(path):
        assert Path(clip.path).is_file()
        found.setdefault(clip.label, []).append(clip.duration)
    assert set(found) == {"speech", "music", "noise"}
    assert {label: len(d) for label, d in found.items()} == dict(listed.count())
    for label, seconds in listed.sum().items():
        assert sum(found[label]) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text, message",
    [
        ("path,class\n", "got no group duration speech_spans.*:1"),
        (HEADER + "a,speech,g,long,\n", "bad number.*clips.csv:2"),
        (HEADER + "a,speech,g,1,0.1+0.2\n", "bad number.*clips.csv:2"),
        (HEADER + "a,song,g,1,\n", "among speech music noise, got 'song'"),
        (HEADER + "a,speech,g,1,0.5-0.2\n", "expected sorted spans"),
    ],
)
def test_bad_list(tmp_path, text, message):
    (tmp_path / "clips.csv").write_text(text)
    with pytest.raises(CorpusError, match=message) as error:
        read_clips(tmp_path / "clips.csv")
    assert "\n" not in str(error.value)


def test_missing_list(tmp_path):
    with pytest.raises(CorpusError, match="got no file, in .*clips.csv"):
        read_clips(tmp_path / "clips.csv")


@settings(max_examples=25, deadline=None)
@given(
    groups=st.lists(st.integers(0, 30), min_size=1, max_size=80),
    seed=st.integers(0, 1000),
)
def test_split_keeps_groups_whole(groups, seed):
    clips = [
        Clip(f"{i}.wav", ("speech", "noise")[g % 2], f"g{g}", 1.0, ((0, 1),))
        for i, g in enumerate(groups)
    ]
    parts = split_groups(clips, {"a": 0.6, "b": 0.4, "c": 0.0}, seed)
    assert sorted(c.path for p in parts.values() for c in p) == sorted(
        c.path for c in clips
    )
    assert parts["c"] == []
    assert not {c.group for c in parts["a"]} & {c.group for c in parts["b"]}


def test_split_reaches_its_shares():
    clips = [
        Clip(f"{i}.wav", "music", f"g{i}", 10.0, ((0, 10),)) for i in range(100)
    ]
    parts = split_groups(clips, {"train": 0.7, "dev": 0.2, "test": 0.1}, 3)
    assert {k: len(v) for k, v in parts.items()} == {
        "train": 70,
        "dev": 20,
        "test": 10,
    }
    assert parts != split_groups(
        clips, {"train": 0.7, "dev": 0.2, "test": 0.1}, 4
    )


def test_draw_leaves_groups_out(clips):
    pool, rng = ClipPool(clips), np.random.default_rng(0)
    drawn = {pool.draw(rng, "speech", ["v0", "v2"]).group for _ in range(100)}
    assert drawn == {"v1", "v3"}
    with pytest.raises(CorpusError, match="expected clips of speech"):
        pool.draw(rng, "speech", ["v0", "v1", "v2", "v3"])
    with pytest.raises(CorpusError, match="got 0"):
        ClipPool([]).draw(rng, "noise")


def test_draw_odds_grow_with_root_of_seconds():
    clips = [
        Clip("a.wav", "music", "long", 90.0, ((0, 90),)),
        Clip("b.wav", "music", "short", 10.0, ((0, 10),)),
    ]
    pool, rng = ClipPool(clips), np.random.default_rng(0)
    long = sum(pool.draw(rng, "music").group == "long" for _ in range(4000))
    assert long / 4000 == pytest.approx(0.75, abs=0.03)


def test_audio_is_cut_and_padded(tmp_path):
    sweep = bursts(1.0, ((0, 1),), 500 + 300 * np.arange(RATE) / RATE)
    clip = save(tmp_path / "a.wav", sweep, "noise", "g")
    pool = ClipPool([clip])
    cut = pool.audio(clip, 0.25, 0.5)
    assert cut.dtype == np.float32
    np.testing.assert_allclose(cut, sweep[4000:12000], atol=3e-4)
    around = pool.audio(clip, -0.5, 2.0)
    assert len(around) == 2 * RATE
    assert not around[: RATE // 2].any() and not around[-RATE // 2 :].any()
    np.testing.assert_allclose(around[8000:24000], sweep, atol=5e-3)


def test_clip_in_the_middle_of_a_stereo_file_at_another_rate(tmp_path):
    time = np.arange(2 * 44100) / 44100
    tone = 0.5 * np.sin(2 * np.pi * 441 * time)
    stereo = np.stack([tone, 0 * tone], axis=1)
    save(tmp_path / "a.wav", stereo, "music", "g", rate=44100)
    clip = Clip(str(tmp_path / "a.wav"), "music", "g", 1.0, ((0, 1),), 0.5)
    audio = ClipPool([clip]).audio(clip, 0, 1.0)
    wanted = 0.25 * np.sin(2 * np.pi * 441 * (np.arange(RATE) / RATE + 0.5))
    np.testing.assert_allclose(audio[400:-400], wanted[400:-400], atol=2e-3)


def test_level_leaves_pauses_out_and_extent_silence(tmp_path):
    tone = np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)
    audio = np.concatenate([0 * tone, 0.1 * tone, 0 * tone, 0.1 * tone])
    clip = save(tmp_path / "a.wav", audio, "music", "g")
    pool = ClipPool([clip])
    assert pool.level(clip) == pytest.approx(-23.01, abs=0.1)
    assert pool.level_between(clip, 1.2, 1.6) == pytest.approx(-23, abs=0.1)
    assert pool.level_between(clip, 2.2, 2.8) == -120
    assert pool.extent(clip) == pytest.approx((1.0, 4.0), abs=0.021)


def test_preload_needs_no_file_afterwards(tmp_path):
    tone = bursts(1.0, ((0, 1),), 500.0)
    clip = save(tmp_path / "a.wav", tone, "noise", "g")
    pool = ClipPool([clip])
    pool.preload()
    (tmp_path / "a.wav").unlink()
    assert pool.audio(clip, 0, 1).max() == pytest.approx(0.1, abs=6e-3)


def test_unreadable_clip(tmp_path):
    (tmp_path / "a.wav").write_text("no sound")
    clip = Clip(str(tmp_path / "a.wav"), "noise", "g", 1.0, ((0, 1),))
    with pytest.raises(AudioError, match="expected audio.*a.wav"):
        ClipPool([clip]).preload()

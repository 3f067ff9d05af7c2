"""Plans and pools of synthesised clips: disjoint, described, repeatable."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from explainable_seg.composer import minibroadcast as pool_module
from explainable_seg.composer.clips import read_clips
from explainable_seg.composer.minibroadcast import (
    MusicTask,
    NoiseTask,
    SpeechTask,
    make_clips,
    plan_clips,
    share_out,
    synthesise_clips,
)
from explainable_seg.composer.music_styles import STYLES
from explainable_seg.composer.noise import NOISES
from explainable_seg.errors import ExplainableSegError

pytest.importorskip("espeakng_loader")
pytest.importorskip("symusic")
FULL = {"train": 20.0, "dev1": 5.0, "test": 5.0}
SMALL = {"train": 0.4, "test": 0.2}


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """A small pool: the folders, and the clips of each part."""
    folders = {part: tmp_path_factory.mktemp(part) for part in SMALL}
    return folders, synthesise_clips(folders, SMALL, seed=3, processes=2)


def of(tasks, kind):
    return [task for task in tasks if isinstance(task, kind)]


@pytest.mark.parametrize("minutes", [FULL, SMALL, {"a": 1.0, "b": 1.0}])
def test_parts_share_no_group(minutes):
    for seed in range(5):
        plan = plan_clips(minutes, seed)
        groups = [{(type(t), t.group) for t in plan[p]} for p in minutes]
        assert sum(map(len, groups)) == len(set.union(*groups))
        variants = [
            {t.voice.variant for t in of(plan[p], SpeechTask)} for p in minutes
        ]
        assert all(len(v) >= 4 for v in variants)
        assert sum(map(len, variants)) == len(set.union(*variants))


def test_the_whole_corpus_is_varied():
    plan = plan_clips(FULL, seed=1)
    for part, tasks in plan.items():
        assert {t.kind for t in of(tasks, NoiseTask)} == set(NOISES)
        assert len({t.voice.language for t in of(tasks, SpeechTask)}) >= 4
        assert len({t.style_name for t in of(tasks, MusicTask)}) >= 10
        for kind, share in ((SpeechTask, 1.0), (MusicTask, 1.0)):
            seconds = sum(t.seconds for t in of(tasks, kind))
            assert seconds >= 60 * share * FULL[part] - 1e-6
    train = of(plan["train"], MusicTask)
    players = {p for t in train for p in t.band.name.split("-")}
    assert len(players) >= 20
    assert {t.style_name for t in train} == set(STYLES)
    seeds = [t.seed for tasks in plan.values() for t in tasks]
    assert len(set(seeds)) == len(seeds)


def test_seed_decides_who_is_where():
    groups = [
        tuple(t.group for t in plan_clips(SMALL, seed)["test"])
        for seed in (1, 1, 2)
    ]
    assert groups[0] == groups[1] != groups[2]


def test_share_out_deals_every_item_once():
    shares = share_out(range(40), FULL, np.random.default_rng(0))
    assert sorted(sum(shares.values(), [])) == list(range(40))
    assert [len(shares[p]) for p in FULL] == [28, 6, 6]


def test_files_are_as_described(pool):
    folders, clips = pool
    for part, folder in folders.items():
        assert {c.label for c in clips[part]} == {"speech", "music", "noise"}
        listed = read_clips(folder / "clips.csv")
        files = {str(p) for p in folder.rglob("*.flac")}
        assert {c.path for c in listed} == files
        assert len(listed) == len(files)
        for clip, found in zip(clips[part], listed):
            info = soundfile.info(found.path)
            assert (info.samplerate, info.channels) == (16000, 1)
            assert info.subtype == "PCM_16"
            assert clip.duration == info.frames / 16000
            assert (clip.label, clip.group) == (found.label, found.group)
            np.testing.assert_allclose(clip.spans, found.spans, atol=1e-3)
            assert clip.spans[-1][1] <= clip.duration


def test_bytes_do_not_depend_on_the_process(pool, tmp_path):
    folders, _ = pool
    tasks = plan_clips(SMALL, seed=3)["test"]
    chosen = [of(tasks, kind)[-1] for kind in (SpeechTask, MusicTask)]
    for task in [*chosen, *of(tasks, NoiseTask)[:3]]:
        for clip in make_clips(task, tmp_path):
            there = folders["test"] / Path(clip.path).relative_to(tmp_path)
            assert Path(clip.path).read_bytes() == there.read_bytes()


@pytest.mark.parametrize("name", ["espeakng_loader", "symusic", "pretty_midi"])
def test_missing_package_names_the_extra(name, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ExplainableSegError, match=name) as error:
        synthesise_clips({"train": tmp_path}, {"train": 0.1}, seed=0)
    message = str(error.value)
    assert 'pip install "explainable-seg[minibroadcast]"' in message
    assert "\n" not in message
    assert not list(tmp_path.iterdir())


def test_killed_process_is_one_line(monkeypatch, tmp_path):
    # The processes are forks, so they see the change.
    monkeypatch.setattr(pool_module, "make_noise", lambda *_: os._exit(9))
    with pytest.raises(ExplainableSegError, match="killed") as error:
        synthesise_clips({"train": tmp_path}, {"train": 0.1}, seed=0)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "clips.csv").exists()

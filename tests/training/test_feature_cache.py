"""A feature cache: what it keeps, for whom, and what it survives."""

import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial

import numpy as np
import pytest
import torch
from noise_chunks import TINY_WAVLM, WINDOW, NoiseChunks
from safetensors.torch import load_file

from explainable_seg.composer.augment import Augment
from explainable_seg.errors import CorpusError
from explainable_seg.models import build_model
from explainable_seg.models.runner import Runner
from explainable_seg.training.cache_filling import (
    Shard,
    ShardMaker,
    fill,
    require_space,
)
from explainable_seg.training.chunks import TrainingChunks
from explainable_seg.training.distillation import (
    cached_student,
    share_front_end,
)
from explainable_seg.training.feature_cache import FeatureCache, cache_settings
from explainable_seg.training.losses import student_losses

SETTINGS = {"n_chunks": 10, "shard_size": 4, "window": WINDOW}
TCN = {"n_blocks": 1, "n_layers": 2, "n_channels": 8, "n_hidden": 8}


@pytest.fixture(scope="module")
def teacher():
    torch.manual_seed(0)
    frontend = {"type": "wavlm", "architecture": TINY_WAVLM}
    model = build_model({"type": "teacher", "frontend": frontend, "tcn": TCN})
    model.frontend.state_weights.data = torch.tensor([0.0, 1.0, -1.0])
    return model.eval().requires_grad_(False)


def make_student(teacher):
    """A student that sees what its teacher sees."""
    torch.manual_seed(1)
    W = torch.nn.functional.normalize(torch.rand(257, 8), dim=0)
    arguments = {
        "type": "student",
        "frontend": {"type": "wavlm", "source": "somewhere"},
        "tcn": {"n_blocks": 1, "n_layers": 2},
        "n_atoms": 8,
    }
    student = build_model(cached_student(arguments, teacher), W)
    share_front_end(student, teacher)
    return student


def filled(folder, teacher, chunks=None, settings=SETTINGS, features=True):
    """A cache that one process has filled."""
    cache = FeatureCache(folder, settings, create=True)
    chunks = chunks or TrainingChunks([NoiseChunks()], [1.0], seed=3)
    maker = ShardMaker(cache, teacher, features, bf16=False, batch_size=3)
    assert fill(cache, maker.chunk_shards(chunks, WINDOW), False) == 0
    return cache


def test_it_keeps_what_the_teacher_says_of_each_chunk(teacher, tmp_path):
    chunks = TrainingChunks([NoiseChunks()], [1.0], 3, augment=Augment())
    cache = filled(tmp_path, teacher, chunks)
    assert [len(n) for n in cache.chunk_files().values()] == [4, 4, 2]
    for number in range(10):
        audio, targets, _ = chunks.fixed(number)
        kept = cache.chunk(number)
        np.testing.assert_allclose(kept["wav"], audio, atol=1 / 32767)
        assert torch.equal(kept["targets"], torch.from_numpy(targets))
        wav = kept["wav"].unsqueeze(0)
        torch.testing.assert_close(
            kept["teacher_logits"], teacher(wav)[0], atol=1e-5, rtol=1e-5
        )
        assert kept["features"].dtype == torch.bfloat16
        torch.testing.assert_close(
            kept["features"].float(),
            teacher.frontend(wav)[0],
            atol=1e-2,
            rtol=1e-2,
        )


def test_a_student_learns_the_same_from_it(teacher, tmp_path):
    cache = filled(tmp_path, teacher)
    student = make_student(teacher)
    loader = torch.utils.data.DataLoader(
        cache.chunks(order_seed=0),
        sampler=range(6),
        batch_size=6,
        num_workers=1,
    )
    (batch,) = loader
    gradients = []
    for features, logits in (
        (batch["features"], batch["teacher_logits"]),
        (None, teacher(batch["wav"])),
    ):
        student.zero_grad()
        losses = student_losses(
            student(batch["wav"], features),
            batch["targets"],
            student.dictionary,
            student.classifier.weight,
            logits,
        )
        sum(losses.values()).backward()
        gradients.append(student.head.weight.grad.clone())
    cached, computed = gradients
    assert (cached - computed).norm() < 0.02 * computed.norm()
    # Nothing of the front end is learned, so that it stays the teacher's.
    assert all(p.grad is None for p in student.frontend.parameters())


def test_the_student_has_its_teachers_front_end(teacher):
    student = make_student(teacher)
    ours, theirs = (m.frontend.state_dict() for m in (student, teacher))
    assert "state_weights" in ours
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    copy = build_model(student.config)
    copy.load_state_dict(student.state_dict())
    wav = torch.randn(1, 8000)
    torch.testing.assert_close(copy(wav).logits, student(wav).logits)


def test_a_spectrogram_student_needs_the_logits_alone(teacher, tmp_path):
    cache = filled(tmp_path, teacher, features=False)
    assert set(cache.chunk(0)) == {"wav", "targets", "teacher_logits"}
    arguments = {"type": "student", "frontend": {"type": "spectrogram"}}
    assert cached_student(arguments, teacher) == arguments


def test_the_order_depends_on_its_seed_and_the_index_alone(teacher, tmp_path):
    cache = filled(tmp_path, teacher)
    first, again, other = (cache.chunks(seed) for seed in (0, 0, 1))
    wavs = [first[i]["wav"] for i in range(30)]
    assert torch.equal(wavs[7], again[7]["wav"])
    assert len({tuple(wav[:4].tolist()) for wav in wavs}) > 5
    assert any(not torch.equal(wavs[i], other[i]["wav"]) for i in range(30))


def test_windows_of_a_region_give_what_audio_gives(
    teacher, tmp_path, monkeypatch
):
    student = make_student(teacher)
    cache = FeatureCache(tmp_path, SETTINGS, create=True)
    maker = ShardMaker(cache, teacher, True, bf16=False, batch_size=3)
    run_time = {"window": 0.5, "step": 0.3, "context": 1, "level": -20.0}
    for seconds in (0.3, 2.13):  # shorter than a window, and not a multiple
        wav = torch.randn(round(16000 * seconds))
        monkeypatch.setattr(
            "explainable_seg.training.cache_filling.read_region",
            lambda region, wav=wav: wav.numpy(),
        )
        region = _Region(f"show {seconds}/*", seconds)
        (shard,) = maker.region_shards([region], run_time)
        assert fill(cache, [shard], False) == 0
        features = cache.windows(region.id)
        assert len(features) == shard.n_items
        for given in (features, None):
            said = Runner(student, **run_time).recording(
                wav, {"activations", "spectrogram"}, given
            )
            if given is not None:
                cached = said.named()
        for name, theirs in said.named().items():
            torch.testing.assert_close(
                cached[name], theirs, atol=0.02, rtol=0.02
            )
    assert cache.windows("another") is None


class _Region:
    """What is asked of a region here."""

    def __init__(self, region_id, duration):
        self.id = region_id
        self.duration = duration


def test_a_stale_or_missing_cache_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(CorpusError, match="No such file.*cache_features.py"):
        FeatureCache(tmp_path / "none", SETTINGS)
    FeatureCache(tmp_path, SETTINGS, create=True)
    FeatureCache(tmp_path, SETTINGS)
    for create in (False, True):
        with pytest.raises(CorpusError, match="another window, in.*delete"):
            FeatureCache(tmp_path, {**SETTINGS, "window": 2.0}, create)
    (tmp_path / "cache.json").write_text('{"window"')
    with pytest.raises(CorpusError, match="another n_chunks, shard_size, w"):
        FeatureCache(tmp_path, SETTINGS)


def make_settings(folder, teacher="a", frontend="wavlm", **arguments):
    """Settings of a training set that lies in a folder."""
    from explainable_seg.training.training_set import make_training_set

    given = {
        "manifest": str(folder / "train.csv"),
        "window": 4.0,
        "seed": 0,
        "order_seed": 1,
        **arguments,
    }
    theirs = {"type": "wavlm", "architecture": TINY_WAVLM}
    return cache_settings(
        {"weights_sha256": teacher, "model": {"frontend": theirs}},
        {"type": frontend},
        partial(make_training_set, **given),
        str(folder / "dev.csv"),
        {"window": 4.0},
        n_chunks=10,
        shard_size=4,
    )


@pytest.fixture
def manifests(tmp_path):
    """Two manifests of one recording each."""
    for part in ("train", "dev"):
        (tmp_path / f"{part}.rttm").write_text("")
        (tmp_path / f"{part}.wav").write_bytes(b"")
        (tmp_path / f"{part}.csv").write_text(
            "ID,duration,wav,start,stop,sample_rate,recording,rttm,"
            "speech_uem,music_uem,noise_uem,overlap_uem\n"
            f"a,1.0,{tmp_path}/{part}.wav,0,16000,16000,a,"
            f"{tmp_path}/{part}.rttm,,,,\n"
        )
    return tmp_path


def test_settings_are_those_that_decide_the_content(manifests):
    settings = make_settings(manifests)
    assert make_settings(manifests, order_seed=2) == settings
    assert make_settings(manifests, augment=Augment()) == settings
    for other in (
        make_settings(manifests, seed=1),
        make_settings(manifests, window=2.0),
        make_settings(manifests, teacher="b"),
        make_settings(manifests, frontend="spectrogram"),
        make_settings(manifests, augment=None),
        make_settings(manifests, augment=Augment(telephone_probability=0.0)),
        make_settings(manifests, cache_folder="chunks"),
    ):
        assert other != settings
    for part in ("train", "dev"):
        (manifests / f"{part}.rttm").write_text("corrected\n")
        corrected = make_settings(manifests)
        assert corrected[part] != settings[part]


def test_a_teacher_is_needed_and_for_wavlm_one_with_wavlm(manifests):
    plain = {"model": {"frontend": {"type": "spectrogram"}}}
    for teacher, expected in ((None, "got none"), (plain, "'spectrogram'")):
        with pytest.raises(CorpusError, match=expected):
            cache_settings(
                teacher, {"type": "wavlm"}, partial(dict), "", {}, 1, 1
            )


def test_a_disk_that_is_too_small_is_refused_with_the_numbers(tmp_path):
    def shard(n_bytes):
        return Shard("train-00000", 4, n_bytes, iter)

    free = 1e15
    with pytest.raises(
        CorpusError, match=r"expected 1000000\.000 GB free.*got [\d.]+ GB, in"
    ):
        require_space(tmp_path, [], [shard(free)])
    require_space(tmp_path, [shard(free)], [shard(1)])


def test_the_estimate_is_the_size(teacher, tmp_path):
    cache = FeatureCache(tmp_path, SETTINGS, create=True)
    maker = ShardMaker(cache, teacher, True, bf16=False, batch_size=4)
    chunks = TrainingChunks([NoiseChunks()], [1.0], seed=3)
    shards = maker.chunk_shards(chunks, WINDOW)
    fill(cache, shards, False)
    for shard in shards:
        size = cache.path(shard.name).stat().st_size
        assert shard.n_bytes < size < shard.n_bytes + 1000  # its header


def test_a_part_of_the_chunks_can_be_trained_on(teacher, tmp_path, caplog):
    filled(tmp_path, teacher)
    (tmp_path / "train-00001.safetensors").unlink()
    whole = (tmp_path / "train-00002.safetensors").read_bytes()
    (tmp_path / "train-00002.safetensors").write_bytes(whole[:-1])
    with caplog.at_level(logging.WARNING):
        chunks = FeatureCache(tmp_path, SETTINGS).chunks(0)
    assert chunks.numbers == [0, 1, 2, 3]
    assert "holds 4 of 10 chunks" in caplog.text
    filled(tmp_path, teacher)
    assert (tmp_path / "train-00002.safetensors").read_bytes() == whole
    assert len(FeatureCache(tmp_path, SETTINGS).chunks(0).numbers) == 10
    assert not (tmp_path / "locks").exists()


def test_an_empty_cache_cannot_be_trained_on(tmp_path):
    cache = FeatureCache(tmp_path, SETTINGS, create=True)
    with pytest.raises(CorpusError, match="chunks.*none.*cache_features"):
        cache.chunks(0)


FILLING = """
    import os, sys, time
    from pathlib import Path
    import torch
    from noise_chunks import WINDOW, NoiseChunks
    from explainable_seg.training.chunks import TrainingChunks
    from explainable_seg.errors import CorpusError
    from explainable_seg.models import build_model
    from explainable_seg.training.cache_filling import ShardMaker, fill
    from explainable_seg.training.feature_cache import FeatureCache

    def run(folder, on_draw):
        torch.manual_seed(0)
        teacher = build_model(
            {"type": "teacher", "frontend": {}, "tcn": {"n_blocks": 1}}
        ).eval()
        cache = FeatureCache(
            folder, {"n_chunks": 40, "shard_size": 4}, create=True
        )
        chunks = TrainingChunks([NoiseChunks(on_draw)], [1.0], seed=3)
        maker = ShardMaker(cache, teacher, True, False, batch_size=4)
        fill(cache, maker.chunk_shards(chunks, WINDOW), False)
        return cache

    def sound(cache):
        return [
            n for n in range(40)
            if cache.path(f"train-{n // 4:05}").is_file()
            and cache.chunk(n)["wav"].any()
        ]
"""


def start(program, *arguments, prefix=()):
    """Start a process that fills a cache of 40 chunks in files of 4."""
    return subprocess.Popen(
        [
            *prefix,
            sys.executable,
            "-W",
            "ignore",
            "-c",
            textwrap.dedent(FILLING) + textwrap.dedent(program),
            *map(str, arguments),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
    )


def finish(process):
    """What a process said."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


SLOWLY = """
    together = Path(sys.argv[2])
    together.mkdir(exist_ok=True)
    def on_draw():
        (together / str(os.getpid())).touch()
        while len(list(together.iterdir())) < int(sys.argv[3]):
            time.sleep(0.01)
        print("drawn", flush=True)
        time.sleep(0.05)
    run(sys.argv[1], on_draw)
"""


def test_a_killed_process_and_two_others_make_each_file_once(tmp_path):
    killed = start(SLOWLY, tmp_path, tmp_path / "one", 1)
    while not any(tmp_path.glob("train-*.safetensors")):
        assert killed.poll() is None, killed.stderr.read()
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    done = {p: p.stat().st_mtime_ns for p in tmp_path.glob("train-*")}
    assert 0 < len(done) < 10
    # As a process leaves it that is killed while it writes.
    left = tmp_path / ".train-00009.0123456789ab.safetensors"
    left.write_bytes(b"half")
    both = [start(SLOWLY, tmp_path, tmp_path / "two", 2) for _ in range(2)]
    drawn = [finish(process).count("drawn") for process in both]
    assert sum(drawn) == 40 - 4 * len(done) and min(drawn) > 0
    assert all(path.stat().st_mtime_ns == t for path, t in done.items())
    assert not left.exists()
    finish(start("run(sys.argv[1], None)", tmp_path / "straight"))
    for path in (tmp_path / "straight").glob("train-*"):
        ours, theirs = (load_file(x) for x in (tmp_path / path.name, path))
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


LIMITED = """
    import resource
    n_drawn = 0
    def on_draw():
        global n_drawn
        n_drawn += 1
        if n_drawn == 11:
            resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
"""
FULL = """
    n_drawn = 0
    folder = Path(sys.argv[1])
    ballast = folder / "ballast"
    def on_draw():
        global n_drawn
        n_drawn += 1
        if n_drawn == 11:
            with open(ballast, "wb", buffering=0) as stream:
                try:
                    while True:
                        stream.write(bytes(4096))
                except OSError:
                    pass
"""
EXPECT = """
    try:
        run(sys.argv[1], on_draw)
        raise SystemExit("the disk was not full")
    except CorpusError as error:
        assert len(str(error).splitlines()) == 1, error
        for part in (sys.argv[2], "train-00002", "free some space"):
            assert part in str(error), error
    cache = FeatureCache(sys.argv[1], {"n_chunks": 40, "shard_size": 4})
    assert sound(cache) == list(range(8)), sound(cache)
    assert cache.chunks(0).numbers == list(range(8))
    assert not list(cache.folder.glob(".train*"))
"""


def test_a_file_that_the_disk_refuses_leaves_the_others(tmp_path):
    finish(start(LIMITED + EXPECT, tmp_path, "File too large"))
    finish(start("run(sys.argv[1], None)", tmp_path))
    assert len(list(tmp_path.glob("train-*.safetensors"))) == 10


def test_a_full_disk_leaves_a_cache_that_can_be_used(tmp_path):
    disk = 'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"'
    prefix = ["unshare", "-rm", "sh", "-c", disk, str(tmp_path)]
    try:
        subprocess.run([*prefix, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system lets no user mount a small disk")
    again = """
    ballast.unlink()
    assert sound(run(folder, None)) == list(range(40))
"""
    finish(
        start(FULL + EXPECT + again, tmp_path, "No space left", prefix=prefix)
    )

"""A model over windows and recordings: stitched, named, and nothing more."""

import numpy as np
import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from tiny_student import CONFIG, make_student, make_wavlm_student, tones

from explainable_seg.errors import AudioError
from explainable_seg.frames import FRAME_RATE, num_frames, num_samples
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.models import runner as runner_module
from explainable_seg.models.runner import Outputs, Runner, joined
from explainable_seg.models.student import (
    Student,
    StudentOutput,
    Teacher,
    build_model,
)
from explainable_seg.models.windows import cut_windows


class Means(torch.nn.Module):
    """In place of a teacher: the mean of each frame."""

    def forward(self, wav):
        return wav.unfold(1, 400, 320).mean(dim=-1, keepdim=True)


class Spread(Means):
    """In place of a student: what depends on the window, and 3 times that."""

    def forward(self, wav):
        H = super().forward(wav)
        H = H - H.mean(dim=1, keepdim=True)
        return StudentOutput(3 * H + 1, H, H, H)


class TwoSteps(Student):
    """A student whose first step sees each frame alone, and is counted."""

    shares_spectrogram = True

    def __init__(self):
        torch.nn.Module.__init__(self)
        self.seen = []

    def encode(self, wav):
        means = Means()(wav)
        self.seen.append(means.shape[1])
        return means, 2 * means

    def decide(self, X, code, features):
        # Depends on the whole window, as a global norm does.
        logits = features - code.mean(dim=1, keepdim=True)
        return StudentOutput(logits, X, X, code)


class Apart(torch.nn.Module):
    """A student that is not known to have two steps."""

    def __init__(self):
        super().__init__()
        self.model = TwoSteps()

    def forward(self, wav):
        return self.model(wav)


@given(st.lists(st.integers(0, 9000), max_size=20), st.integers(0, 400))
@settings(deadline=None, max_examples=50)
def test_how_a_recording_is_split_into_reads_does_not_matter(cuts, extra):
    generator = torch.Generator().manual_seed(0)
    wav = torch.randn(sum(cuts) + 400 + extra, generator=generator)
    blocks = [block.numpy() for block in wav.split([*cuts, 400 + extra])]
    expected = Runner(Means(), 0.4, 0.3).recording(wav)
    parts = Runner(Means(), 0.4, 0.3, batch_size=2).stream(blocks)
    assert torch.equal(joined(parts).logits, expected.logits)


def test_frames_come_out_as_soon_as_no_window_can_reach_them():
    blocks = np.split(np.zeros(320 * 1000, dtype=np.float32), 1000)
    held = 0
    for part in Runner(Means(), 0.4, 0.2, batch_size=2).stream(iter(blocks)):
        held = max(held, len(part.logits))
    assert held <= 40


@pytest.mark.parametrize("n_samples", [400, 719, 63999, 64000, 64001, 160011])
@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_what_frames_alone_decide_survives_stitching(n_samples, batch_size):
    wav = torch.randn(n_samples)
    runner = Runner(Means(), 4.0, 2.0, batch_size=batch_size)
    stitched = runner.recording(wav).logits
    assert len(stitched) == num_frames(n_samples)
    torch.testing.assert_close(
        stitched, Means()(wav[None])[0], atol=1e-6, rtol=1e-5
    )


def test_linear_relations_survive():
    runner = Runner(Spread(), 4.0, 1.0)
    said = runner.recording(torch.randn(200_000), {"activations"})
    torch.testing.assert_close(said.logits, 3 * said.activations + 1)


def test_without_a_window_a_recording_is_one():
    wav = torch.randn(200_000)
    whole = Runner(Spread()).recording(wav)
    torch.testing.assert_close(whole.logits, Spread()(wav[None]).logits[0])


@pytest.fixture
def short_blocks(monkeypatch):
    """Blocks of 20 s where a recording is run in one pass."""
    monkeypatch.setattr(runner_module, "PASS", 1000)


def with_norm(model, norm: str, stride: int = 1):
    """The model with another norm of its TCN, box of 1 s."""
    tcn = {**model.config["tcn"], "norm": norm, "box": 50, "stride": stride}
    changed = build_model({**model.config, "tcn": tcn})
    if stride == 1:
        changed.load_state_dict(model.state_dict())
    return changed.eval()


@pytest.mark.parametrize(
    "norm, stride", [("local", 1), ("frame", 1), ("local", 3)]
)
@pytest.mark.parametrize("seconds", [0.3, 19.98, 20.0, 20.02, 45.0])
def test_one_pass_in_blocks_is_that_over_the_whole(
    norm, stride, seconds, short_blocks
):
    wanted = {"activations", "spectrogram", "code", "features"}
    student = with_norm(make_student(), norm, stride)
    wav = torch.from_numpy(tones(seconds) + 0.01 * np.sin(tones(seconds) * 9))
    wav = wav.float()
    with torch.no_grad():
        whole = Outputs.of(
            student(wav[None]), wanted, student.frontend(wav[None])
        )
    found = Runner(student).recording(wav, wanted)
    assert found.named().keys() == whole.named().keys()
    for name, values in found.named().items():
        torch.testing.assert_close(
            values, whole.named()[name][0], atol=1e-4, rtol=1e-4
        )


def test_one_pass_of_a_teacher(short_blocks):
    teacher = Teacher({"type": "spectrogram"}, {"n_blocks": 1, "norm": "local"})
    wav = torch.randn(16000 * 25)
    with torch.no_grad():
        whole = teacher.eval()(wav[None])[0]
    found = Runner(teacher).recording(wav).logits
    torch.testing.assert_close(found, whole, atol=1e-4, rtol=1e-4)


def test_one_pass_gives_frames_before_the_recording_ends(short_blocks):
    student = with_norm(make_student(), "local")
    parts = Runner(student).stream([tones(20.0)] * 10)
    lengths = [len(part.logits) for part in parts]
    assert sum(lengths) == num_frames(200 * 16000)
    assert max(lengths) <= 1000 + 200


def test_one_pass_without_a_frame_is_one_line():
    with pytest.raises(AudioError, match="expected 400 samples"):
        Runner(with_norm(make_student(), "local")).recording(torch.zeros(399))


def test_windows_that_leave_gaps_are_refused():
    with pytest.raises(ValueError, match="step"):
        Runner(Means(), 0.4, 0.4, context=5)


@given(
    n_samples=st.integers(400, num_samples(120)),
    window=st.integers(1, 40),
    step=st.integers(1, 40),
    batch_size=st.integers(1, 9),
)
@settings(deadline=None)
def test_frames_that_windows_share_are_seen_once(
    n_samples, window, step, batch_size
):
    generator = torch.Generator().manual_seed(n_samples)
    wav = torch.randn(n_samples, generator=generator)
    step, n_frames = min(step, window), num_frames(n_samples)
    where = {"window": window / FRAME_RATE, "step": step / FRAME_RATE}
    student = TwoSteps()
    wanted = {"spectrogram", "code"}
    shared, apart = (
        Runner(model, batch_size=batch_size, **where).recording(wav, wanted)
        for model in (student, Apart())
    )
    n_windows = len(list(cut_windows([wav], window, step)))
    # Batches have the frames between their ends once.
    again = (window - 1) * -(-n_windows // batch_size)
    assert sum(student.seen) <= n_frames + again
    for name, values in apart.named().items():
        torch.testing.assert_close(
            shared.named()[name], values, atol=1e-6, rtol=1e-5
        )


@pytest.mark.parametrize("make", [make_student, make_wavlm_student])
def test_outputs_are_those_that_are_asked_for_and_known_ones_are_taken(make):
    runner = Runner(make(), 2.0, 1.0)
    wav = torch.from_numpy(tones(5.0))
    assert list(runner.recording(wav).named()) == ["logits"]
    wanted = {"activations", "spectrogram", "code", "features"}
    said = runner.recording(wav, wanted)
    assert set(said.named()) == {"logits", *wanted}
    features = torch.cat(
        [part.features for part in runner.windows(wav, {"features"})]
    )
    known = runner.recording(wav, wanted, features)
    for name, values in said.named().items():
        torch.testing.assert_close(known.named()[name], values)
        assert values.dtype == torch.float32 and not values.requires_grad


def test_a_teacher_has_no_evidence():
    said = Runner(Means(), 0.4).recording(torch.randn(16000), {"activations"})
    assert said.activations is None
    assert list(said.named()) == ["logits"]


def test_the_level_is_that_of_recordings():
    heard = []
    runner = Runner(Means(), 2.0, 1.0, level=-20.0)
    sound = tones(5.0)
    loud, soft = (
        joined(runner.stream([gain * sound], hear=heard.append)).logits
        for gain in np.array([1.0, 0.1], dtype=np.float32)
    )
    torch.testing.assert_close(loud, soft)
    assert sum(map(len, heard)) == 2 * len(sound)
    bare = Runner(Means(), 2.0, 1.0).recording(torch.from_numpy(heard[0]))
    torch.testing.assert_close(loud, bare.logits)


@pytest.mark.parametrize("bf16", [None, False, True])
def test_the_precision_is_the_callers_unless_it_is_said(bf16):
    model = torch.nn.Sequential(Means(), torch.nn.Linear(1, 3))
    wav = torch.randn(1, 4000)
    for outside in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=outside):
            logits = Runner(model, bf16=bf16).batch(wav).logits
        lower = outside if bf16 is None else bf16
        assert logits.dtype == (torch.bfloat16 if lower else torch.float32)
        assert not logits.requires_grad


@pytest.mark.parametrize("lengths", [[], [0], [399], [100, 0, 299]])
def test_a_recording_without_a_frame_is_one_line(lengths):
    runner = Runner(Means(), 0.4, 0.3)
    blocks = [np.zeros(n, dtype=np.float32) for n in lengths]
    with pytest.raises(AudioError, match="400 samples") as raised:
        joined(runner.stream(blocks))
    assert "\n" not in str(raised.value)
    with pytest.raises(AudioError, match="400 samples"):
        runner.recording(torch.zeros(sum(lengths)))


def test_blocks_without_a_frame_are_one_line_of_the_segmenter():
    segmenter = ExplainableSegmenter(make_student(), CONFIG)
    for blocks in ([], [np.zeros(399, dtype=np.float32)]):
        with pytest.raises(AudioError, match="400 samples"):
            segmenter.segment_blocks(blocks)
    found = segmenter.segment_blocks([np.zeros(400, dtype=np.float32)])
    assert found.probabilities.shape == (1, 4)

"""Other methods: a linear model whose answers are known, and the real parts."""

import sys

import pytest
import torch

from explainable_seg.classes import CLASSES
from explainable_seg.errors import ExplainableSegError
from explainable_seg.interpreters import METHODS, attribute, open_at_spectrogram
from explainable_seg.interpreters.captum_methods import (
    LeakyRectifier,
    SparseCode,
    patch_index,
)
from explainable_seg.models import Student, Teacher
from explainable_seg.nmf.coding import sparse_code

SPECTROGRAM = {"type": "spectrogram"}
MUSIC = CLASSES.index("music")
N = 9920  # 30 frames


def sound(seed: int = 0) -> torch.Tensor:
    """Two waveforms [2, N]."""
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(2, N, generator=generator)


def linear_teacher() -> tuple[Teacher, torch.Tensor]:
    """A teacher without layers, and its weight of each bin for music."""
    torch.manual_seed(0)
    teacher = Teacher(SPECTROGRAM, {"n_blocks": 0}).eval()
    return teacher, (teacher.classifier.weight @ teacher.tcn.bottleneck.weight)[
        MUSIC
    ].detach()


def small(kind: str) -> Student | Teacher:
    """A student or teacher of two layers."""
    torch.manual_seed(0)
    tcn = {"n_blocks": 1, "n_layers": 2, "n_channels": 8, "n_hidden": 8}
    if kind == "teacher":
        return Teacher(SPECTROGRAM, tcn).eval()
    W = torch.nn.functional.normalize(torch.rand(257, 6) ** 4, dim=0)
    numbers = [2, 2, 1, 1] if kind == "student of own atoms" else None
    return Student(
        SPECTROGRAM, tcn, 6, mu=0.1, dictionary=W, atoms_per_class=numbers
    ).eval()


@pytest.mark.parametrize("kind", ["student", "student of own atoms", "teacher"])
def test_the_opened_model_is_the_same_model(kind: str) -> None:
    model, wav = small(kind), sound()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    output = model(wav)
    expected = output if kind == "teacher" else output.logits
    picture = model.frontend(wav)[:, None]
    opened = open_at_spectrogram(model)
    assert torch.equal(opened.logits(picture), expected)
    attribute(opened, picture[:, 0], "speech", "guided_backprop")
    assert torch.equal(opened.logits(picture), expected)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_score_is_the_mean_logit_of_the_frames() -> None:
    model = small("teacher")
    X, frames = model.frontend(sound()), torch.zeros(2, 30, dtype=torch.bool)
    frames[0, 3:9] = frames[1, 20] = True
    logits = model(sound())[..., MUSIC]
    expected = torch.stack([logits[0, 3:9].mean(), logits[1, 20]])
    score = open_at_spectrogram(model)(X[:, None], frames, MUSIC)
    torch.testing.assert_close(score, expected)


def test_gradient_of_the_sparse_code() -> None:
    """Against finite differences of the code itself, to convergence."""
    generator = torch.Generator().manual_seed(1)
    W = torch.rand(9, 5, generator=generator, dtype=torch.float64)
    W = torch.nn.functional.normalize(W, dim=0)
    X = torch.rand(3, 9, generator=generator, dtype=torch.float64) * 3
    weights = torch.randn(3, 5, generator=generator, dtype=torch.float64)
    X.requires_grad_()
    (SparseCode.apply(X, W, 0.1, 2000) * weights).sum().backward()
    active = sparse_code(X.detach(), W, 0.1, 2000) > 0
    assert 0 < active.sum() < active.numel()  # the case is not a trivial one
    for t, f in ((0, 0), (1, 4), (2, 8)):
        step = torch.zeros_like(X)
        step[t, f] = 1e-5
        up, down = (
            (sparse_code(X.detach() + s, W, 0.1, 2000) * weights).sum()
            for s in (step, -step)
        )
        slope = ((up - down) / 2e-5).item()
        assert X.grad[t, f].item() == pytest.approx(slope, rel=1e-3)


def test_gradients_reach_the_student_through_its_code() -> None:
    student = small("student")
    torch.nn.init.zeros_(student.head.weight)  # the network says nothing
    X = student.spectrogram(sound())
    assert attribute(student, X, "speech", "saliency").abs().sum() > 0


def test_gradient_methods_on_a_linear_model() -> None:
    teacher, weight = linear_teacher()
    X = teacher.frontend(sound())
    share = weight / X.shape[1]  # of the mean over frames
    for method, expected in (
        ("saliency", share.abs().expand_as(X)),
        ("smoothgrad", share.abs().expand_as(X)),
        ("guided_backprop", share.expand_as(X)),
        ("integrated_gradients", share * X),
    ):
        values = attribute(teacher, X, "music", method)
        torch.testing.assert_close(values, expected, atol=1e-6, rtol=1e-4)
    # Its noise moves each value, but not by much in the mean.
    values = attribute(teacher, X, "music", "gradient_shap")
    gap = (values.sum(dim=1) - (share * X).sum(dim=1)).abs().mean()
    assert gap < 0.2 * (share * X).sum(dim=1).abs().mean()


def test_grad_cam_on_a_linear_model() -> None:
    teacher, _ = linear_teacher()
    X = teacher.frontend(sound())
    row = teacher.classifier.weight[MUSIC] / X.shape[1]
    expected = (teacher.tcn.bottleneck(X) @ row / X.shape[1]).relu()
    values = attribute(teacher, X, "music", "grad_cam") / X.shape[1]
    # captum takes the mean of the gradients over time: 1 / T of their sum.
    torch.testing.assert_close(
        values, expected[..., None].expand_as(X), atol=1e-8, rtol=1e-3
    )


def test_kernel_shap_on_a_linear_model() -> None:
    teacher, weight = linear_teacher()
    X = teacher.frontend(sound())[:1]
    patches = patch_index(*X.shape[1:])[0]
    values = attribute(teacher, X, "music", "kernel_shap")[0]
    for patch in range(int(patches.max()) + 1):
        inside = patches == patch
        expected = (weight * X[0] / X.shape[1])[inside].sum()
        torch.testing.assert_close(
            values[inside],
            expected.expand(int(inside.sum())),
            atol=1e-3,
            rtol=1e-2,
        )


def test_only_the_frames_asked_for_count() -> None:
    teacher, _ = linear_teacher()
    X, frames = teacher.frontend(sound()), torch.zeros(2, 30, dtype=torch.bool)
    frames[:, 10:15] = True
    values = attribute(teacher, X, "music", "integrated_gradients", frames)
    assert values[:, 10:15].abs().sum() > 0
    assert not values[:, :10].any() and not values[:, 15:].any()


@pytest.mark.parametrize("kind", ["student", "teacher"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_on_either_model(kind: str, method: str) -> None:
    model = small(kind)
    X = model.frontend(sound())[:1]
    values = attribute(model, X, "speech", method)
    assert values.shape == X.shape and values.isfinite().all()
    assert not values.requires_grad and values.abs().sum() > 0
    assert torch.equal(values, attribute(model, X, "speech", method))


def test_guided_backprop_stops_negative_gradients() -> None:
    """A leaky unit passes half of a negative input's gradient, if positive."""
    unit = LeakyRectifier(torch.tensor([0.5]))
    x = torch.tensor([-2.0, -2.0, 3.0, 3.0], requires_grad=True)
    torch.testing.assert_close(unit(x), torch.tensor([-1.0, -1.0, 3.0, 3.0]))
    model = torch.nn.Sequential(unit, SignedSum())
    from captum.attr import GuidedBackprop

    with pytest.warns(UserWarning, match="ReLU"):
        values = GuidedBackprop(model).attribute(x[None])
    assert values[0].tolist() == [0.5, 0.0, 1.0, 0.0]


class SignedSum(torch.nn.Module):
    """Adds every other value and takes away the rest."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Sum of [B, 4] with signs."""
        return (x * torch.tensor([1.0, -1.0, 1.0, -1.0])).sum(dim=1)


def test_patches_cover_half_seconds_and_bands() -> None:
    index = patch_index(60, 257)[0]
    assert torch.equal(index.unique(), torch.arange(3 * 8))
    assert (index[0] == index[24]).all() and (index[0] != index[25]).all()
    assert (index[0].diff() >= 0).all()


def test_what_cannot_be_explained_is_refused() -> None:
    model = small("teacher")
    X = model.frontend(sound())
    with pytest.raises(ValueError, match="`method` among saliency"):
        attribute(model, X, "speech", "guess")
    with pytest.raises(ValueError, match="`frames`"):
        nothing = torch.zeros(2, 30, dtype=torch.bool)
        attribute(model, X, "speech", "saliency", nothing)
    student = small("student")
    finer = Student({**SPECTROGRAM, "n_fft": 1024}, {"n_blocks": 0}, 6)
    with pytest.raises(ValueError, match="513 and 257 bins"):
        open_at_spectrogram(finer)
    student.frontend = torch.nn.Identity()
    with pytest.raises(ValueError, match="sees a spectrogram, got .*Identity"):
        open_at_spectrogram(student)


def test_without_captum_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    model = small("teacher")
    with pytest.raises(ExplainableSegError, match=r"\[compare\]"):
        attribute(model, model.frontend(sound()), "speech", "saliency")

"""Teacher and student: shapes, additivity, and the door to both."""

import pytest
import torch

from explainable_seg.errors import SettingsError
from explainable_seg.frames import num_frames
from explainable_seg.models import build_model
from explainable_seg.nmf import sparse_code

TCN = {"n_blocks": 1, "n_layers": 2, "n_channels": 8, "n_hidden": 8}
STUDENT = {"type": "student", "frontend": {}, "tcn": TCN, "n_atoms": 12}


@pytest.fixture
def dictionary():
    generator = torch.Generator().manual_seed(0)
    W = torch.rand(257, 12, generator=generator)
    return torch.nn.functional.normalize(W, dim=0)


@pytest.fixture
def student(dictionary):
    torch.manual_seed(0)
    return build_model({**STUDENT, "mu": 0.1}, dictionary).eval()


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("n_samples", [400, 16000, 20011])
def test_one_decision_a_frame(student, n_samples):
    teacher = build_model({"type": "teacher", "frontend": {}, "tcn": TCN})
    wav = noise(2, n_samples)
    n_frames = num_frames(n_samples)
    assert teacher(wav).shape == (2, n_frames, 4)
    out = student(wav)
    assert out.logits.shape == (2, n_frames, 4)
    assert out.activations.shape == (2, n_frames, 12)
    assert out.spectrogram.shape == (2, n_frames, 257)


def test_every_logit_is_the_sum_of_its_atoms(student):
    out = student(noise(2, 16000))
    assert bool((out.activations >= 0).all())
    theta, bias = student.classifier.weight, student.classifier.bias
    contributions = out.activations[:, :, None, :] * theta
    total = contributions.sum(dim=-1) + bias
    torch.testing.assert_close(total, out.logits, atol=1e-4, rtol=0)


def test_the_sum_is_exact_in_mixed_precision_too(student):
    with torch.autocast("cpu", torch.bfloat16):
        out = student(noise(1, 16000))
    theta, bias = student.classifier.weight, student.classifier.bias
    total = out.activations.float() @ theta.T + bias
    torch.testing.assert_close(total, out.logits.float(), atol=1e-4, rtol=0)


def test_the_code_depends_on_each_frame_alone(student):
    X = student.spectrogram(noise(1, 16000))
    whole = student.sparse_code(X)
    torch.testing.assert_close(
        student.sparse_code(X[:, 5:9]), whole[:, 5:9], atol=1e-5, rtol=1e-4
    )


def test_training_starts_at_the_code(student):
    out = student(noise(1, 16000))
    apart = (out.activations - out.code).norm() / out.code.norm()
    assert apart < 0.2


def test_the_dictionary_is_frozen_and_saved(student, dictionary):
    student(noise(1, 4000)).logits.sum().backward()
    assert "dictionary" in student.state_dict()
    assert "dictionary" not in dict(student.named_parameters())
    torch.testing.assert_close(student.dictionary, dictionary)


def test_config_rebuilds_the_same_model(student):
    copy = build_model(student.config).eval()
    copy.load_state_dict(student.state_dict())
    wav = noise(1, 8000)
    torch.testing.assert_close(copy(wav).logits, student(wav).logits)


@pytest.mark.parametrize(
    "config, message",
    [
        ({"type": "parent"}, "teacher, student, got 'parent'"),
        ({**STUDENT, "depth": 3}, "arguments of a student"),
        ({**STUDENT, "frontend": {"type": "mel"}}, "front end"),
    ],
)
def test_unknown_settings_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        build_model(config)


def test_a_learned_dictionary_gets_gradients_and_stays_a_dictionary(student):
    student.learn_dictionary()
    assert "dictionary" in dict(student.named_parameters())
    out = student(noise(1, 16000))
    (
        out.spectrogram - out.code @ student.dictionary.T
    ).square().sum().backward()
    assert student.dictionary.grad.abs().sum() > 0
    with torch.no_grad():
        student.dictionary[:, 0] = -1.0
        student.dictionary[:, 1] *= 3.0
    student.project_dictionary()
    norms = student.dictionary.norm(dim=0)
    assert norms[0] == 0
    torch.testing.assert_close(norms[1:], torch.ones(11))
    assert bool((student.dictionary >= 0).all())


@pytest.mark.parametrize("n_fft", [512, 1024])
def test_the_tcn_sees_the_spectrogram_of_its_front_end(dictionary, n_fft):
    # Of 512 it is the one that the atoms rebuild, and is not made again.
    config = {
        "type": "student",
        "frontend": {"type": "spectrogram", "n_fft": n_fft},
        "tcn": {"n_blocks": 1, "n_layers": 1},
        "n_atoms": dictionary.shape[1],
    }
    student = build_model(config).eval()
    student.dictionary.copy_(dictionary)
    wav = noise(2, 4000)
    features = student.frontend(wav)
    assert torch.equal(student(wav).logits, student(wav, features).logits)


def test_a_class_has_its_own_atoms_and_overlap_those_of_speech():
    config = {**STUDENT, "atoms_per_class": [5, 4, 3, 0]}
    student = build_model({**config, "classes": ["music", "overlap"]})
    own = student.own_atoms
    assert own.sum(dim=1).tolist() == [4, 5]
    assert own[0, 5:9].all() and own[1, :5].all()
    assert student.source_atoms.sum(dim=1).tolist() == [5, 4, 3]
    again = build_model(student.config)
    assert torch.equal(again.own_atoms, own)
    assert build_model(STUDENT).own_atoms is None
    with pytest.raises(SettingsError, match="sum up to n_atoms 12"):
        build_model({**STUDENT, "atoms_per_class": [5, 4, 0, 0]})


def test_overlap_may_have_atoms_of_its_own():
    student = build_model({**STUDENT, "atoms_per_class": [5, 4, 1, 2]})
    speech, music, noise, overlap = student.own_atoms
    assert overlap.nonzero().flatten().tolist() == [10, 11]
    assert torch.equal(speech, torch.arange(12).lt(5) | overlap)
    assert (music.sum(), noise.sum()) == (4, 1)
    assert torch.equal(student.source_atoms, student.own_atoms[:3])


def test_own_atoms_start_from_the_code_of_each_class_alone(dictionary):
    numbers = [5, 4, 0, 3]
    config = {**STUDENT, "atoms_per_class": numbers, "mu": 0.1}
    student = build_model(config, dictionary).eval()
    X = student.spectrogram(noise(1, 8000))
    apart = [
        sparse_code(X[0], W, 0.1, 8) for W in dictionary.split([5, 4, 3], 1)
    ]
    torch.testing.assert_close(student.sparse_code(X)[0], torch.cat(apart, 1))
    joint = sparse_code(X[0], dictionary, 0.1, 8)
    torch.testing.assert_close(student.joint_code(X)[0], joint)
    assert not torch.allclose(student.sparse_code(X), student.joint_code(X))
    # Three classes bid for a frame: what they rebuild together is about it.
    rebuilt = student(noise(1, 8000)).activations @ dictionary.T
    assert 0.5 < (rebuilt.norm() / X.norm()).item() < 1.5


def test_what_each_class_could_be_is_seen_by_the_others(dictionary):
    config = {**STUDENT, "atoms_per_class": [5, 4, 0, 3], "mu": 0.1}
    student = build_model(config, dictionary).eval()
    before = student(noise(1, 8000))
    with torch.no_grad():
        student.sight.weight[0, 11] = -9.0  # atom 11 shuts atom 0
    after = student(noise(1, 8000))
    assert torch.equal(before.activations[..., 1:], after.activations[..., 1:])
    loud = after.code[..., 11] > 1
    assert loud.any()
    assert (
        after.activations[..., 0][loud] <= before.activations[..., 0][loud]
    ).all()
    assert build_model(STUDENT).sight is None


def test_own_atoms_speak_for_their_class_from_the_start(dictionary):
    config = {**STUDENT, "atoms_per_class": [5, 4, 1, 2]}
    student = build_model(config, dictionary)
    weights = student.classifier.weight
    assert torch.equal(weights > 0, student.own_atoms)
    assert not weights[~student.own_atoms].any()
    # What is laid over by saved weights is of no account.
    other = build_model(config, dictionary)
    torch.nn.init.normal_(other.classifier.weight)
    student.load_state_dict(other.state_dict())
    assert torch.equal(student.classifier.weight, other.classifier.weight)

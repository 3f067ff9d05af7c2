"""A dictionary: atoms of all frames or of each class alone, and its file."""

import pytest
import torch
from safetensors.torch import save_file

from explainable_seg.errors import ExplainableSegError, ModelError
from explainable_seg.nmf import SparseNMF
from explainable_seg.training.distillation import (
    Dictionary,
    DictionaryLearner,
    heard_alone,
    load_dictionary,
    save_dictionary,
)

SPEECH, MUSIC = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])
TARGETS = torch.tensor([[1, 0, 0, 0], [0, 1, 0, -1], [1, 1, 0, 0]])


def frames(loudness):
    """Speech, music, and both at once."""
    return loudness * torch.stack([SPEECH, MUSIC, SPEECH + MUSIC])


def test_each_class_learns_from_what_is_its_alone():
    learner = DictionaryLearner(SparseNMF(2), [1, 1, 0, 0])
    for loudness in (4.0, 5.0):
        learner.learn(frames(loudness), TARGETS)
    torch.testing.assert_close(
        learner.dictionary, torch.stack([SPEECH, MUSIC], dim=1)
    )
    assert learner.summary()["used"] == 1.0


def test_a_class_that_is_never_alone_is_named():
    learner = DictionaryLearner(SparseNMF(2), [1, 0, 1, 0])
    learner.learn(frames(4.0), TARGETS)
    with pytest.raises(ExplainableSegError, match="noise is heard alone"):
        learner.dictionary  # noqa: B018


def test_a_first_batch_without_its_classes_is_no_end():
    learner = DictionaryLearner(SparseNMF(1), [0, 0, 1, 0])
    learner.learn(frames(4.0), TARGETS)
    assert learner.summary() == {}  # not computed, and not 0
    noise = torch.tensor([[0, 0, 1, 0]]).expand(3, 4)
    learner.learn(frames(5.0), noise)
    assert learner.summary()["objective"] > 0
    assert learner.n_updates == 2


@pytest.mark.parametrize("numbers", [[2], [1, 2, 0, 0], [3, -1, 0, 0]])
def test_numbers_that_do_not_fit_are_refused(numbers):
    with pytest.raises(ExplainableSegError, match="n_atoms 2"):
        DictionaryLearner(SparseNMF(2), numbers)


def test_a_state_goes_on_as_if_nothing_had_been():
    drawn = torch.rand(6, 20, 3, generator=torch.Generator().manual_seed(0))
    known = torch.ones(20, 4)
    straight, first = (DictionaryLearner(SparseNMF(4)) for _ in range(2))
    for batch in drawn:
        straight.learn(batch, known)
    for batch in drawn[:3]:
        first.learn(batch, known)
    second = DictionaryLearner(SparseNMF(4))
    second.load_state_dict(first.state_dict())
    for batch in drawn[3:]:
        second.learn(batch, known)
    assert torch.equal(second.dictionary, straight.dictionary)
    assert second.summary() == straight.summary()


def test_overlap_is_heard_with_speech_and_unknown_is_not_heard():
    targets = torch.tensor([[1, 0, 0, 1], [1, 0, 1, 1], [-1, -1, -1, -1]])
    assert heard_alone(targets, "overlap").tolist() == [True, False, False]
    assert not heard_alone(targets, "speech").any()


def test_what_is_written_is_read(tmp_path):
    W = torch.nn.functional.normalize(torch.rand(257, 5), dim=0)
    path = tmp_path / "deep/d.safetensors"
    for per_class in (None, [2, 3, 0, 0]):
        save_dictionary(path, Dictionary(W, 0.5, per_class))
        read = load_dictionary(path)
        assert torch.equal(read.atoms, W)
        assert read[1:] == (0.5, per_class)


def test_atoms_of_classes_that_do_not_sum_up_are_refused(tmp_path):
    W = torch.nn.functional.normalize(torch.rand(257, 5), dim=0)
    path = tmp_path / "d.safetensors"
    save_dictionary(path, Dictionary(W, 0.5, [2, 2, 0, 0]))
    with pytest.raises(ModelError, match="sum"):
        load_dictionary(path)


def test_what_is_no_dictionary_is_refused(tmp_path):
    path = tmp_path / "d.safetensors"
    with pytest.raises(ModelError, match="no file"):
        load_dictionary(path)
    path.write_bytes(b"not safe tensors")
    with pytest.raises(ModelError, match="train_dictionary"):
        load_dictionary(path)
    save_file({"dictionary": torch.ones(3, 2)}, path, metadata={"mu": "1"})
    with pytest.raises(ModelError, match="unit norm"):
        load_dictionary(path)
    save_file({"other": torch.ones(3, 2)}, path, metadata={"mu": "1"})
    with pytest.raises(ModelError, match="dictionary"):
        load_dictionary(path)

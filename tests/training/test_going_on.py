"""A student that a training goes on from."""

import pytest
import torch
from tiny_student import CONFIG, make_student, save_student

from explainable_seg.classes import CLASSES
from explainable_seg.errors import ModelError
from explainable_seg.models.pretrained import save_pretrained
from explainable_seg.models.student import build_model
from explainable_seg.training.distillation import Lessons, load_student


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return str(save_student(tmp_path_factory.mktemp("start") / "student"))


@pytest.mark.parametrize(
    "classes", [CLASSES, ("speech", "noise"), ("overlap",)]
)
def test_it_says_the_same_of_the_classes_that_it_keeps(start, classes):
    wav = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    before, student = make_student(), load_student(start, None, classes)
    assert student.classes == tuple(classes)
    columns = [CLASSES.index(name) for name in classes]
    expected = before(wav).logits[..., columns]
    torch.testing.assert_close(student(wav).logits, expected)
    assert student.classifier.weight.requires_grad


def test_lessons_need_no_dictionary_for_it(start):
    lessons = Lessons(None, None, None, lambda config: {})
    student = lessons.build_student({}, "no file", CLASSES, True, start)
    assert torch.equal(student.dictionary, make_student().dictionary)


def test_what_cannot_be_gone_on_from(start, tmp_path):
    with pytest.raises(ModelError, match="a student of recordings at the lev"):
        load_student(start, -20.0, CLASSES)
    config = {"type": "teacher", "frontend": {"type": "spectrogram"}}
    config["tcn"] = {"n_blocks": 1, "n_layers": 1, "n_channels": 4}
    save_pretrained(tmp_path / "a", build_model(config), CONFIG, "#\n")
    with pytest.raises(ModelError, match="go on from, got a teacher, in"):
        load_student(str(tmp_path / "a"), None, CLASSES)
    student = load_student(start, None, ("speech",))
    one = {k: CONFIG[k] for k in ("window", "step")}
    one["thresholds"] = {"speech": 0.5}
    save_pretrained(tmp_path / "b", student, one, "#\n")
    with pytest.raises(ModelError, match="got one of speech, in"):
        load_student(str(tmp_path / "b"), None, ("speech", "music"))

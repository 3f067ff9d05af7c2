"""A student's teacher: it fits, and what the student begins with from it."""

import pytest
import torch
from tiny_student import CONFIG

from explainable_seg.errors import ModelError
from explainable_seg.models import build_model
from explainable_seg.models.pretrained import save_pretrained
from explainable_seg.training.distillation import load_teacher, warm_start

TCN = {"n_blocks": 1, "n_layers": 2, "n_channels": 8, "n_hidden": 8}


def pair(student_tcn):
    teacher = build_model({"type": "teacher", "frontend": {}, "tcn": TCN})
    student = build_model(
        {
            "type": "student",
            "frontend": {},
            "tcn": student_tcn,
            "n_atoms": 5,
        }
    )
    return student, teacher


def test_equal_architectures_share_their_context():
    student, teacher = pair(TCN)
    X = torch.rand(1, 20, 257)
    assert not torch.allclose(student.tcn(X), teacher.tcn(X))
    assert warm_start(student, teacher)
    torch.testing.assert_close(student.tcn(X), teacher.tcn(X))


def test_own_atoms_are_heard_where_the_teacher_finds_their_class():
    teacher = build_model({"type": "teacher", "frontend": {}, "tcn": TCN})
    config = {"type": "student", "frontend": {}, "tcn": TCN, "n_atoms": 7}
    student = build_model({**config, "atoms_per_class": [2, 1, 1, 3]})
    assert warm_start(student, teacher)
    context = torch.randn(50, 8)
    gains = student.head(context)[:, :7]
    logits = teacher.classifier(context)
    for k, c in enumerate([0, 0, 1, 2, 3, 3, 3]):  # overlap's are its own
        both = torch.stack([gains[:, k], logits[:, c]])
        assert torch.corrcoef(both)[0, 1] > 0.999
        heard = (gains[:, k] > 0) == (logits[:, c] > 5.5)
        assert heard.all()


def test_own_atoms_of_a_class_that_no_teacher_knows_are_left():
    teacher = build_model(
        {"type": "teacher", "frontend": {}, "tcn": TCN, "classes": ["speech"]}
    )
    config = {"type": "student", "frontend": {}, "tcn": TCN, "n_atoms": 7}
    student = build_model({**config, "atoms_per_class": [2, 1, 1, 3]})
    before = student.head.weight.clone()
    assert warm_start(student, teacher)
    same = (student.head.weight == before).all(dim=1)
    # Speech's own, those of overlap among them.
    assert same[:7].tolist() == [False] * 2 + [True] * 2 + [False] * 3
    assert same[7:].all()


def test_other_architectures_start_cold():
    student, teacher = pair({**TCN, "n_blocks": 2})
    before = {k: v.clone() for k, v in student.state_dict().items()}
    assert not warm_start(student, teacher)
    for name, tensor in student.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize("level", [None, -20.0])
def test_a_teacher_of_another_level_is_refused(tmp_path, level):
    torch.manual_seed(0)
    model = build_model(
        {
            "type": "teacher",
            "frontend": {"type": "spectrogram"},
            "tcn": {"n_blocks": 1, "n_layers": 1},
        }
    )
    save_pretrained(tmp_path, model, {**CONFIG, "level": level}, "#\n")
    teacher, config = load_teacher(str(tmp_path), level)
    assert config["level"] == level
    for name, weights in model.state_dict().items():
        assert torch.equal(weights, teacher.state_dict()[name])
    with pytest.raises(ModelError, match=f"-33.0, got one of {level}, in "):
        load_teacher(str(tmp_path), -33.0)

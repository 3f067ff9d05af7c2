"""A teacher must have heard recordings as its student will."""

import pytest
import torch
from tiny_student import CONFIG

from explainable_seg.errors import ModelError
from explainable_seg.models.pretrained import save_pretrained
from explainable_seg.models.student import build_model
from explainable_seg.training.teacher import load_teacher


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

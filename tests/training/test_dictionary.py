"""A dictionary on disk."""

import pytest
import torch
from safetensors.torch import save_file

from explainable_seg.errors import ModelError
from explainable_seg.training.dictionary import load_dictionary, save_dictionary


def test_what_is_written_is_read(tmp_path):
    W = torch.nn.functional.normalize(torch.rand(257, 5), dim=0)
    save_dictionary(tmp_path / "deep/d.safetensors", W, mu=0.5)
    read, mu = load_dictionary(tmp_path / "deep/d.safetensors")
    assert torch.equal(read, W) and mu == 0.5


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

"""Checkpoints of processes that are killed while they write one."""

import os
import signal
import subprocess
import sys

import pytest
import torch

from explainable_seg.training.loop import AtomicCheckpointer
from speechbrain.utils.checkpoints import Checkpointer

KILLED = """
import os, signal, sys, torch
from {module} import {name}

def kill(obj, path):
    os.kill(os.getpid(), signal.SIGKILL)

checkpointer = {name}(sys.argv[1], {{"layer": torch.nn.Linear(1, 1)}})
checkpointer.save_checkpoint(meta={{"step": 1}})
checkpointer.add_recoverable("late", object(), None, kill)
checkpointer.save_checkpoint(meta={{"step": 2}})
"""


def kill_while_saving(folder, cls):
    """Save once, then be killed in the middle of a second time."""
    code = KILLED.format(module=cls.__module__, name=cls.__name__)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, folder],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == -signal.SIGKILL, run.stderr


def test_a_half_written_checkpoint_is_none(tmp_path):
    kill_while_saving(tmp_path, AtomicCheckpointer)
    layer = torch.nn.Linear(1, 1)
    checkpointer = AtomicCheckpointer(tmp_path, {"layer": layer})
    assert [c.meta["step"] for c in checkpointer.list_checkpoints()] == [1]
    assert checkpointer.recover_if_possible().meta["step"] == 1
    # The next checkpoint clears away what was left.
    checkpointer.save_checkpoint(meta={"step": 3})
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 2 and all(n.startswith("CKPT") for n in names)


def test_speechbrain_s_own_takes_it_for_one(tmp_path):
    """If this fails, the class above is no longer needed."""
    kill_while_saving(tmp_path, Checkpointer)
    steps = [c.meta["step"] for c in Checkpointer(tmp_path).list_checkpoints()]
    assert sorted(steps) == [1, 2]


def test_what_is_saved_is_loaded(tmp_path):
    layer, other = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    AtomicCheckpointer(tmp_path, {"layer": layer}).save_checkpoint(name="it")
    AtomicCheckpointer(tmp_path, {"layer": other}).recover_if_possible()
    assert torch.equal(layer.weight, other.weight)
    assert (tmp_path / "CKPT+it").is_dir()


@pytest.mark.parametrize("n_chunks", [24, 20])
@pytest.mark.parametrize("n_processes", [1, 2, 4])
def test_batches_are_those_of_one_process(n_processes, n_chunks, monkeypatch):
    from explainable_seg.training import loop as loading

    def batches(rank, size):
        monkeypatch.setattr(loading, "rank_and_size", lambda: (rank, size))
        loader = loading.training_loader(list(range(99)), n_chunks, 8)
        loader.sampler.set_epoch(2)
        return [batch.tolist() for batch in loader]

    parts = [batches(rank, n_processes) for rank in range(n_processes)]
    # One behind the other, in the order of one process.
    assert [sum(shares, []) for shares in zip(*parts)] == batches(0, 1)
    assert batches(0, 1)[0] == list(range(n_chunks, n_chunks + 8))

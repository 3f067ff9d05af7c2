"""Checkpoints that survive a kill at any moment, and resume exactly."""

import shutil
from pathlib import Path
from typing import Any, Optional, Protocol

import torch

from speechbrain.utils.checkpoints import (
    Checkpoint,
    Checkpointer,
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain.utils.distributed import (
    ddp_barrier,
    if_main_process,
    main_process_only,
)

PARTIAL = ".partial"


class AtomicCheckpointer(Checkpointer):
    """SpeechBrain's checkpointer, without half-written checkpoints.

    That one makes the folder of a checkpoint first and fills it then, so a
    process that is killed meanwhile leaves a newest checkpoint that cannot be
    loaded. Here the folder is filled under another name, then renamed.

    Arguments
    ---------
    *args, **kwargs
        Of ``speechbrain.utils.checkpoints.Checkpointer``.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> checkpointer = AtomicCheckpointer(folder, {"m": torch.nn.Linear(1, 1)})
    >>> checkpointer.save_checkpoint().path.parent == folder
    True
    >>> len(list(folder.iterdir()))
    1
    """

    def save_checkpoint(
        self, *args: Any, **kwargs: Any
    ) -> Optional[Checkpoint]:
        """Write a checkpoint, as in the class above."""
        if if_main_process():
            for left in self.checkpoints_dir.glob(f"{PARTIAL}*"):
                shutil.rmtree(left)
        written = super().save_checkpoint(*args, **kwargs)
        ddp_barrier()
        if written is not None:
            path = _final(written.path)
            written.path.rename(path)
            files = {n: path / f.name for n, f in written.paramfiles.items()}
            written = Checkpoint(path, written.meta, files)
        ddp_barrier()
        return written

    def _new_checkpoint_dirpath(self) -> Path:
        """Where a checkpoint is written."""
        return _partial(super()._new_checkpoint_dirpath())

    def _custom_checkpoint_dirpath(self, name: str) -> Path:
        """Where a checkpoint of a given name is written."""
        return _partial(super()._custom_checkpoint_dirpath(name))


def _partial(path: Path) -> Path:
    """Name in the meantime, which is no checkpoint's."""
    return path.with_name(PARTIAL + path.name)


def _final(path: Path) -> Path:
    """Name of a whole checkpoint."""
    return path.with_name(path.name.removeprefix(PARTIAL))


@register_checkpoint_hooks
class RandomState:
    """PyTorch's random generators, so that a resumed run draws what it would.

    Example
    -------
    >>> state, path = RandomState(), getfixture("tmp_path") / "state"
    >>> state.save(path)
    >>> drawn = torch.rand(3)
    >>> state.load(path, end_of_epoch=True)
    >>> bool((torch.rand(3) == drawn).all())
    True
    """

    @mark_as_saver
    def save(self, path: Path) -> None:
        """Write the states of the CPU's and the GPUs' generators."""
        cuda = (
            torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        )
        torch.save({"cpu": torch.get_rng_state(), "cuda": cuda}, path)

    @mark_as_loader
    def load(self, path: Path, end_of_epoch: bool) -> None:
        """Set the states; those of GPUs only where there are as many."""
        # Also those of GPUs are tensors of the CPU.
        states = torch.load(path, map_location="cpu", weights_only=True)
        torch.set_rng_state(states["cpu"])
        if len(states["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(states["cuda"])


class Stateful(Protocol):
    """What can be saved and taken up again, without being a module."""

    def state_dict(self) -> dict[str, Any]:
        """Plain values and tensors."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them up."""


@main_process_only
def save_state(stateful: Stateful, path: Path) -> None:
    """Hook by which a checkpointer saves what is no module."""
    torch.save(stateful.state_dict(), path)


def load_state(stateful: Stateful, path: Path, end_of_epoch: bool) -> None:
    """Hook by which a checkpointer loads it, to the CPU."""
    stateful.load_state_dict(
        torch.load(path, map_location="cpu", weights_only=True)
    )

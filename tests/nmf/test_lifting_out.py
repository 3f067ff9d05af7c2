"""The room can be lifted out: it needs itself and PyTorch."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import explainable_seg.nmf

LIFTED = """
import json, sys
import torch
before = set(sys.modules)
from explainable_seg.nmf import SparseNMF
nmf = SparseNMF(n_atoms=2).fit(torch.rand(9, 3))
assert nmf.transform(torch.rand(5, 3)).shape == (5, 2)
print(json.dumps(sorted({m.partition(".")[0] for m in set(sys.modules) - before})))
"""


def test_it_works_alone(tmp_path):
    (tmp_path / "explainable_seg").mkdir()
    (tmp_path / "explainable_seg/__init__.py").touch()
    shutil.copytree(
        Path(explainable_seg.nmf.__file__).parent,
        tmp_path / "explainable_seg/nmf",
    )
    run = subprocess.run(
        [sys.executable, "-c", LIFTED],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert run.returncode == 0, run.stderr
    imported = set(json.loads(run.stdout)) - {"explainable_seg", "torch"}
    assert imported <= set(sys.stdlib_module_names)

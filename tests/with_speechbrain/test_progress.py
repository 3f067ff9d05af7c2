"""What reaches TensorBoard and Weights & Biases, in the files of the one."""

import re
import sys
import types
from pathlib import Path

import pytest
import yaml
from hyperpyyaml import load_hyperpyyaml
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from explainable_seg.training.loop import log_epoch, log_settings, log_update
from explainable_seg.training.settings import SettingsFile
from speechbrain.utils.train_logger import (
    FileTrainLogger,
    TensorboardLogger,
    WandBLogger,
)

DOCS = Path(__file__).resolve().parents[2] / "docs"
SETTINGS = {"lr": 0.003, "norm": "global", "force": False, "run": {"a": [1]}}


class RecordingRun:
    """In place of a run of wandb, of which it has what is used."""

    def __init__(self, **arguments):
        self.arguments = arguments
        self.config = {}
        self.logged = []

    def log(self, values, step):
        """Refuse what wandb would drop in silence."""
        assert not self.logged or step >= self.logged[-1][0]
        self.logged.append((step, values))


def train(loggers, first, last):
    """Epochs of three updates each, as a recipe tells of them."""
    log_settings(loggers, SETTINGS)
    for epoch in range(first, last + 1):
        for update in range(3 * epoch - 2, 3 * epoch + 1):
            log_update(loggers, update, {"loss": 1 / update})
        figures = {"macro_f1": 0.1 * epoch}
        log_epoch(loggers, epoch, 3 * epoch, {"loss": 0.5}, figures, rate=0.1)


@pytest.fixture
def events(tmp_path):
    """Two epochs, an interruption, and a third one by another process."""
    for first, last in ((1, 2), (3, 3)):
        logger = TensorboardLogger(tmp_path)
        train([logger], first, last)
        logger.writer.close()
    found = EventAccumulator(str(tmp_path))
    found.Reload()
    return found


def test_losses_of_updates_and_figures_of_epochs_are_curves(events):
    def curve(tag):
        return sorted(
            (event.step, round(event.value, 4)) for event in events.Scalars(tag)
        )

    assert curve("loss/update") == [(n, round(1 / n, 4)) for n in range(1, 10)]
    assert curve("macro_f1/valid") == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert curve("loss/train") == [(1, 0.5), (2, 0.5), (3, 0.5)]
    assert curve("lr") == [(1, 0.1), (2, 0.1), (3, 0.1)]


def test_settings_are_where_runs_are_compared(events):
    metadata = events.summary_metadata["_hparams_/session_start_info"]
    content = HParamsPluginData.FromString(metadata.plugin_data.content)
    found = content.session_start_info.hparams
    assert found["lr"].number_value == pytest.approx(0.003)
    assert found["norm"].string_value == "global"
    assert found["run"].string_value == '{"a": [1]}'


def test_wandb_gets_the_same_in_the_order_of_updates():
    logger = WandBLogger(RecordingRun, project="p")
    train([logger], 1, 2)
    steps = [step for step, _ in logger.run.logged]
    assert steps == [1, 2, 3, 3, 4, 5, 6, 6]
    assert logger.run.logged[0][1] == {"update": {"loss": 1.0}}
    last = logger.run.logged[-1][1]
    assert last["epoch"] == 2 and last["lr"] == 0.1
    assert last["valid"]["macro_f1"] == pytest.approx(0.2)
    assert logger.run.config["lr"] == 0.003


def test_the_log_in_words_has_epochs_alone(tmp_path):
    logger = FileTrainLogger(str(tmp_path / "train_log.txt"))
    train([logger], 1, 2)
    lines = (tmp_path / "train_log.txt").read_text().splitlines()
    assert len(lines) == 2 and lines[1].startswith("epoch: 2, lr: 1.00e-01")


def test_the_block_of_the_page_works(tmp_path, monkeypatch):
    page = (DOCS / "cluster.md").read_text(encoding="utf-8")
    (block,) = [
        b for b in re.findall("```yaml\n(.*?)```", page, re.S) if "WandB" in b
    ]
    keys = {
        line.split(":")[0] for line in block.splitlines() if line[:1].isalpha()
    }
    assert keys == {"wandb_logger", "loggers"}
    text = (DOCS.parent / "hparams/minibroadcast/teacher.yaml").read_text()
    text = text.replace("../base", str(DOCS.parent / "hparams/base"))
    fake = types.ModuleType("wandb")
    fake.init = lambda **arguments: RecordingRun(**arguments)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    (tmp_path / "teacher.yaml").write_text(text + block)
    hparams = load_hyperpyyaml(
        SettingsFile(str(tmp_path / "teacher.yaml")).stream(),
        {"data_folder": "d", "output_folder": str(tmp_path / "out")},
    )
    kinds = [type(logger).__name__ for logger in hparams["loggers"]]
    assert kinds == ["FileTrainLogger", "WandBLogger"]
    run = hparams["loggers"][1].run
    assert run.arguments["project"] == "explainable-seg"
    assert run.arguments["dir"] == str(tmp_path / "out")


def test_yaml_of_the_pages_is_yaml():
    class Loader(yaml.SafeLoader):
        """That takes any tag."""

    Loader.add_multi_constructor("!", lambda loader, tag, node: str(node.value))
    for page in DOCS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for block in re.findall("```yaml\n(.*?)```", text, re.S):
            yaml.load(block, Loader=Loader)

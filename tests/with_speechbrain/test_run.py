"""Runs and their folders: one at a time, and of equal settings."""

import json
import multiprocessing
import os
import signal
import time

import pytest

from explainable_seg.errors import ExplainableSegError
from explainable_seg.training.run import load_hparams, read_command, run_folder

TEXT = """\
seed: 1986
data_folder: !PLACEHOLDER
output_folder: out
save_folder: !ref <output_folder>/save
dictionary: !ref <output_folder>/dictionary.safetensors
chunks_folder: chunks
lr: 0.003
number_of_epochs: 2
total: !ref <number_of_epochs> * 3
loader_options: {batch_size: 4, num_workers: 1}
force: False
rate: !new:collections.Counter
    lr: !ref <lr>
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder to run in, with a file of settings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.yaml").write_text(TEXT)
    return tmp_path


def command(*words, **arguments):
    """What a user has typed."""
    words = ["some.yaml", "--data_folder=d", *words]
    return read_command(words, "About.", **arguments)


def run(*words, **arguments):
    """Run, and leave what a run leaves."""
    with run_folder(command(*words), **arguments) as folder:
        (folder / "train_log.txt").write_text("epoch: 1")
    return folder


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--chunks_folder=elsewhere"],
        ["--loader_options={num_workers: 9}"],
        ["--force"],
        ["--device=cpu", "--noprogressbar"],
    ],
)
def test_what_changes_no_result_may_differ(words):
    run()
    run(*words)


@pytest.mark.parametrize(
    "words, named, unnamed",
    [
        (["--lr=0.01"], "another lr (0.003 there, 0.01 now)", "rate"),
        (["--number_of_epochs=3"], "number_of_epochs (2 there, 3", "total"),
        (["--seed=1", "--lr=1"], "lr (0.003 there, 1 now), seed (1986", "rate"),
        (["--loader_options={batch_size: 8}"], "loader_options", "seed"),
        (["--data_folder=e"], 'data_folder ("d" there, "e" now)', "lr"),
        (["--precision=bf16"], '--precision ("fp32" there, "bf16" now)', "lr"),
        (["--grad_accumulation_factor=2"], "--grad_accumulation_factor", "lr"),
    ],
)
def test_other_settings_are_refused_by_their_names(words, named, unnamed):
    folder = run()
    before = (folder / "settings.json").read_text()
    words = [w for w in words if w != "--data_folder=e"] or words
    with pytest.raises(ExplainableSegError) as refusal:
        if words == ["--data_folder=e"]:
            with run_folder(read_command(["some.yaml", *words], "")):
                pass
        else:
            run(*words)
    message = str(refusal.value)
    assert named in message and f" {unnamed} (" not in message
    assert "\n" not in message
    assert (folder / "settings.json").read_text() == before


def test_a_run_that_has_learned_nothing_yet_can_be_corrected():
    with pytest.raises(RuntimeError, match="no teacher"):
        with run_folder(command()):
            raise RuntimeError("no teacher")
    run("--lr=0.01")
    assert json.loads(open("out/settings.json").read())["lr"] == 0.01


def test_a_checkpoint_is_something_learned(here):
    with run_folder(command()):
        (here / "out/save/CKPT+1").mkdir(parents=True)
    with pytest.raises(ExplainableSegError, match="lr"):
        run("--lr=0.01")


def test_a_folder_that_was_moved_is_the_same_run(here):
    run().rename(here / "moved")
    run("--output_folder=moved")
    with pytest.raises(ExplainableSegError, match="another lr"):
        run("--output_folder=moved", "--lr=1")


def test_what_may_grow_does_not_shrink():
    run(may_grow=["number_of_epochs"])
    run("--number_of_epochs=3", may_grow=["number_of_epochs"])
    with pytest.raises(ExplainableSegError, match="number_of_epochs"):
        run("--number_of_epochs=2", may_grow=["number_of_epochs"])


@pytest.mark.parametrize("content", [None, "", "[1]", '{"lr"'])
def test_a_record_that_cannot_be_read_is_told(content):
    folder = run()
    (folder / "settings.json").unlink()
    if content is not None:
        (folder / "settings.json").write_text(content)
    with pytest.raises(ExplainableSegError, match="settings.json"):
        run()


def hold(entered, leave):
    """Stay in a run, with a process of a loader forked meanwhile."""
    with run_folder(command()):
        worker = multiprocessing.get_context("fork").Process(
            target=time.sleep, args=(20,)
        )
        worker.start()
        entered.put(worker.pid)
        leave.wait()


@pytest.mark.parametrize("killed", [False, True])
def test_a_folder_is_of_one_run_at_a_time(killed):
    context = multiprocessing.get_context("fork")
    entered, leave = context.Queue(), context.Event()
    other = context.Process(target=hold, args=(entered, leave))
    other.start()
    worker = entered.get(timeout=30)
    with pytest.raises(ExplainableSegError, match="no other run.*out"):
        run()
    if killed:
        os.kill(other.pid, signal.SIGKILL)
        other.join()
    else:
        os.kill(worker, signal.SIGKILL)
        leave.set()
        other.join()
    try:
        run()  # also while an orphan of the run is alive
    finally:
        if killed:
            os.kill(worker, signal.SIGKILL)


def test_a_trial_goes_to_a_folder_of_its_own(here):
    run()
    tried = command("--debug").settings
    assert tried["output_folder"] == "out-debug"
    assert tried["save_folder"] == "out-debug/save"
    run("--debug", "--lr=1")
    run("--debug", "--lr=2")  # nothing is gone on with
    assert (here / "out/train_log.txt").is_file()


def test_outputs_that_are_named_apart_move_with_a_trial():
    words = ["--debug", "--output_folder=a/b/", "--dictionary=c/d.safetensors"]
    tried = command(*words, outputs=("output_folder", "dictionary")).settings
    assert tried["output_folder"] == "a/b-debug"
    assert tried["dictionary"] == "a/b-debug/dictionary.safetensors"
    assert command(*words, outputs=()).settings["output_folder"] == "a/b/"


def test_errors_of_the_program_stay_what_they_are(here):
    (here / "some.yaml").write_text(
        "model: !apply:explainable_seg.classes.implies [a, b, c]\n"
    )
    with pytest.raises(TypeError):
        load_hparams("some.yaml", "")
    (here / "some.yaml").write_text("model: !apply:operator.getitem [{}, b]\n")
    with pytest.raises(KeyError):
        load_hparams("some.yaml", "")


def test_errors_of_the_user_take_one_line():
    with pytest.raises(ExplainableSegError, match="data_folder"):
        load_hparams("some.yaml", "")
    with pytest.raises(ExplainableSegError, match="did you mean --lr"):
        command("--lrr=1")
    with pytest.raises(ExplainableSegError, match="got 'stray'"):
        command("stray")
    with pytest.raises(ExplainableSegError, match="--device"):
        command("--device=graphics")


@pytest.mark.parametrize("words", [["some.yaml", "--help"], ["-h"]])
def test_help_ends_well(words, capsys):
    with pytest.raises(SystemExit) as ended:
        read_command(words, "About it.")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "About it." in shown and "--grad_accumulation_factor" in shown
    assert ("--lr=0.003" in shown) is ("some.yaml" in words)
    assert ("name a file" in shown) is ("some.yaml" not in words)

"""Model folders of strangers: one line each, soon, in bounded memory."""

import copy
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_student import (
    CONFIG,
    make_student,
    make_wavlm_student,
    save_student,
    tones,
)

from explainable_seg.errors import ModelError
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.models.config import ENCODER, UNUSED
from explainable_seg.models.pretrained import load_pretrained, save_pretrained
from explainable_seg.models.student import build_model, count_values

ABSURD = [
    None,
    "x",
    "",
    True,
    -1,
    0,
    1.5,
    10**9,
    1e12,
    10**400,
    float("nan"),
    float("inf"),
    [],
    [1] * 100,
    {},
    {"a": 1},
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A pretrained folder that no test changes."""
    return save_student(tmp_path_factory.mktemp("model") / "student")


@pytest.fixture(scope="module")
def wavlm(tmp_path_factory) -> Path:
    """One on WavLM."""
    folder = tmp_path_factory.mktemp("model") / "wavlm"
    save_pretrained(folder, make_wavlm_student(), CONFIG, "# A student\n")
    return folder


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A copy of it to break."""
    return Path(shutil.copytree(saved, tmp_path / "student"))


def outcome(folder: Path) -> str | None:
    """The one line that loading and running fails with; None if it works."""
    began = time.monotonic()
    try:
        model, config = load_pretrained(folder)
        ExplainableSegmenter(model, config).segment(tones(1.0), 16000)
    except ModelError as error:
        message = str(error)
        assert "\n" not in message and message.startswith("expected ")
        assert len(message) < 1000
        return message
    finally:
        assert time.monotonic() - began < 20
    return None


def leaves(value, path=()):
    """Paths of all values of a JSON document, the inner ones too."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from leaves(value[key], (*path, key))


def changed(config, path, value):
    """A document with another value in one place."""
    config = copy.deepcopy(config)
    if not path:
        return value
    place = config
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return config


def write(folder: Path, config) -> None:
    """Another config.json."""
    (folder / "config.json").write_text(json.dumps(config))


def test_no_value_of_the_settings_breaks_more_than_the_folder(folder):
    """Each place, each absurd value: a model that runs, or one line."""
    config = json.loads((folder / "config.json").read_text())
    tried, works = 0, []
    for path in leaves(config):
        for value in ABSURD:
            write(folder, changed(config, path, value))
            tried += 1
            if outcome(folder) is None:
                works.append((*path, value))
    assert tried > 400
    # What works is a note, a rule left out, a front end by default, or a
    # value that may be and that the shapes of the weights do not show.
    free = {"nmf_error", "min_on", "min_off", "thresholds", "dropout"}
    free |= {"window", "step", "weights_sha256", "mu", "code_sweeps"}
    free |= {"frontend", "atoms_per_class"}
    assert all(free & set(map(str, found[:-1])) for found in works), works


def test_no_value_of_wavlm_breaks_more_than_the_folder(wavlm, tmp_path):
    folder = Path(shutil.copytree(wavlm, tmp_path / "student"))
    config = json.loads((folder / "config.json").read_text())
    rng = random.Random(0)
    place = ("model", "frontend", "architecture")
    for name in [*ENCODER, *UNUSED]:
        for value in rng.sample(ABSURD, 5):
            write(folder, changed(config, (*place, name), value))
            outcome(folder)
    for name, value in (
        ("attn_implementation", "someone/kernel"),
        ("_attn_implementation_internal", "someone/kernel"),
        ("auto_map", {"AutoModel": "someone/code--model.X"}),
        ("quantization_config", {"quant_method": "bitsandbytes"}),
        ("_name_or_path", "someone/model"),
    ):
        write(folder, changed(config, (*place, name), value))
        assert f"without '{name}'" in str(outcome(folder))
    for name in ("conv_stride", "conv_kernel"):
        write(folder, changed(config, (*place, name), [2] * 7))
        assert name in str(outcome(folder))


def test_an_export_names_no_more_than_makes_the_encoder(wavlm):
    config = json.loads((wavlm / "config.json").read_text())
    assert set(config["model"]["frontend"]["architecture"]) <= set(ENCODER)
    encoder = make_wavlm_student().frontend.encoder
    assert encoder.config._attn_implementation == "eager"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"note": ' + "[" * 500 + "]" * 500 + "}",
        '{"format_version": ' + "1" * 5000 + "}",
        '{"format_version": 1, "model": {"type": ' + "[]" * 3 + "}}",
        '"' + "a" * 2_000_000 + '"',
        '{"\\ud800": 1}',
    ],
)
def test_json_that_is_hostile(folder, text):
    (folder / "config.json").write_text(text)
    message = outcome(folder)
    assert message is not None and "config.json" in message


def test_a_byte_order_mark_is_no_content(folder):
    path = folder / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert outcome(folder) is None


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_pipe_is_no_file(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert "no file" in str(outcome(folder))


def test_sizes_that_the_weights_lack_take_no_memory(folder):
    """4 GB of layers, said to be in a file of a few kilobytes."""
    config = json.loads((folder / "config.json").read_text())
    config["model"]["tcn"] |= {
        "n_channels": 8192,
        "n_hidden": 8192,
        "n_blocks": 12,
        "n_layers": 10,
    }
    write(folder, config)
    code = (
        "import resource, sys\n"
        "from explainable_seg.errors import ModelError\n"
        "from explainable_seg.models.pretrained import load_pretrained\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    load_pretrained(sys.argv[1])\n"
        "except ModelError as error:\n    print(error)\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert after - before < 200_000, after - before\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_AS, (8 << 30, 8 << 30)
        ),
    )
    assert done.returncode == 0, done.stderr
    assert "numbers, as the settings say, got a file of" in done.stdout


@pytest.mark.parametrize("seed", range(20))
def test_the_count_of_numbers_is_that_of_the_model(seed):
    rng = random.Random(seed)
    tcn = {
        "n_blocks": rng.randint(1, 3),
        "n_layers": rng.randint(1, 4),
        "n_channels": rng.randint(1, 9),
        "n_hidden": rng.randint(1, 9),
        "kernel_size": rng.choice([1, 3, 5]),
        "norm": rng.choice(["global", "frame"]),
    }
    for name in rng.sample(list(tcn), 2):
        del tcn[name]
    config = {"type": rng.choice(["teacher", "student"]), "tcn": tcn}
    config["frontend"] = rng.choice([{}, {"n_fft": 1024}])
    if rng.random() < 0.5:
        config["classes"] = rng.choice([["speech"], ["music", "overlap"]])
    if config["type"] == "student" and rng.random() < 0.5:
        config |= {"n_atoms": rng.randint(1, 9), "n_fft": 800}
        if rng.random() < 0.5:
            config["atoms_per_class"] = [config["n_atoms"], 0, 0, 0]
    state = build_model(config).state_dict()
    assert count_values(config) == sum(x.numel() for x in state.values())


def with_weights(folder: Path, change) -> None:
    """Change all floating tensors of the weights; the checksum goes."""
    path = folder / "model.safetensors"
    save_file({n: change(n, x) for n, x in load_file(path).items()}, path)
    config = json.loads((folder / "config.json").read_text())
    del config["weights_sha256"]
    write(folder, config)


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.int8, torch.complex64, torch.bool]
)
def test_weights_that_are_no_floats(folder, dtype):
    with_weights(
        folder,
        lambda name, x: x.to(dtype) if name == "classifier.bias" else x,
    )
    message = outcome(folder)
    assert message is not None and "in the tensor 'classifier.bias'" in message


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_in_half_precision_are_taken(folder, dtype):
    with_weights(folder, lambda name, x: x.to(dtype))
    model, _ = load_pretrained(folder)
    assert {x.dtype for x in model.state_dict().values()} == {torch.float32}
    assert outcome(folder) is None


def test_logits_that_are_no_numbers_are_an_error_not_an_empty_result(folder):
    with_weights(
        folder,
        lambda name, x: x.sign() * 1e30 if name.startswith("tcn") else x,
    )
    assert "expected finite logits" in str(outcome(folder))


def test_a_model_card_that_is_a_link_is_not_passed_on(folder, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret")
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to(secret)
    segmenter = ExplainableSegmenter.from_pretrained(folder, "cpu")
    segmenter.segment(tones(1.0), 16000)
    for pass_on in (
        lambda: segmenter.save_pretrained(tmp_path / "copy"),
        lambda: segmenter.push_to_hub("org/name", token="x"),
    ):
        with pytest.raises(ModelError, match="link to another place"):
            pass_on()
    assert not (tmp_path / "copy").exists()
    (folder / "README.md").unlink()
    (folder / "card.md").write_text("# Ours\n")
    (folder / "README.md").symlink_to("card.md")
    again = ExplainableSegmenter.from_pretrained(folder, "cpu")
    again.save_pretrained(tmp_path / "copy")
    assert (tmp_path / "copy/README.md").read_text() == "# Ours\n"


def test_a_card_in_the_cache_of_the_hub_is_a_link_that_belongs(saved, tmp_path):
    version = tmp_path / "models--org--name/snapshots" / ("0" * 40)
    blobs = tmp_path / "models--org--name/blobs"
    version.mkdir(parents=True)
    blobs.mkdir()
    for name in ("README.md", "config.json", "model.safetensors"):
        shutil.copy(saved / name, blobs / name.lower())
        (version / name).symlink_to(f"../../blobs/{name.lower()}")
    segmenter = ExplainableSegmenter.from_pretrained(version, "cpu")
    assert segmenter.card == "# A tiny student\n"


def test_saving_does_not_follow_links(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    folder = tmp_path / "student"
    folder.mkdir()
    for name in ("README.md", "config.json", "model.safetensors"):
        (folder / name).symlink_to(victim)
    save_pretrained(folder, make_student(), CONFIG, "# Ours\n")
    assert victim.read_text() == "mine"
    assert not (folder / "README.md").is_symlink()
    assert outcome(folder) is None

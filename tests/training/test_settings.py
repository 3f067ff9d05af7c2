"""Keys of a YAML file as the command line gives them: text stays text."""

import io

import pytest
from hyperpyyaml import load_hyperpyyaml
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.errors import ExplainableSegError
from explainable_seg.training.settings import SettingsFile, json_string

TEXT = """\
# ####
# A box
# ####
seed: 1986
corpus: mini
data_folder: !PLACEHOLDER  # where the sound is
output_folder: !ref results/<corpus>/<seed>
save_folder: !ref <output_folder>/save
teacher: !ref results/<corpus>/export  # null: by design
clips: null
lr: 0.003
warmup_steps: 30  # updates
batch_size: 16
n_distinct: 8000
n_cached: !ref <n_distinct>
level: -20.0  # dB
force: False
loader_options:
    batch_size: !ref <batch_size>
    num_workers: 1
schedule: !new:collections.Counter
    lr: !ref <lr>
"""


@pytest.fixture
def file(tmp_path):
    """A file with a key of each kind."""
    path = tmp_path / "some.yaml"
    path.write_text(TEXT)
    return SettingsFile(str(path))


def loaded(file, *words):
    """Values that a recipe would see."""
    lines, rest = file.split(["--data_folder=d", *words], others=["device"])
    overrides = "\n".join(lines)
    hparams = load_hyperpyyaml(file.stream(), overrides)
    assert file.resolved(overrides)["seed"] == hparams["seed"]
    return hparams


@pytest.mark.parametrize(
    "text",
    [
        "2026",
        "1e3",
        "a #b",
        "#b",
        "!apply:os.getcwd",
        "!ref <seed>",
        "yes",
        "a: b",
        "[x]",
        "{x: 1}",
        "it's",
        "a=b",
        "--x",
        "- x",
        "*a",
        "&a",
        "ü é 😀",
        "two words",
    ],
)
@pytest.mark.parametrize("key", ["output_folder", "teacher", "clips", "corpus"])
def test_text_stays_what_was_typed(file, key, text):
    assert loaded(file, f"--{key}={text}")[key] == text


@settings(max_examples=100, deadline=None)
@given(
    st.text(
        st.characters(
            codec="utf-8",
            exclude_categories=["Cc", "Zl", "Zp", "Cs", "Cn", "Co"],
        )
    )
)
def test_a_json_string_is_a_yaml_string(text):
    stream = io.StringIO(f"key: {json_string(text)}\n")
    assert load_hyperpyyaml(stream)["key"] == text


def test_what_follows_from_a_folder_follows_from_its_name(file):
    hparams = loaded(file, "--output_folder=2026")
    assert hparams["save_folder"] == "2026/save"


def test_words_may_stand_apart_and_flags_alone(file):
    hparams = loaded(file, "--lr", "0.1", "--force", "--batch_size", "8")
    assert (hparams["lr"], hparams["force"]) == (0.1, True)
    assert hparams["loader_options"] == {"batch_size": 8, "num_workers": 1}
    assert loaded(file, "--force", "False")["force"] is False
    assert loaded(file, "--teacher=null")["teacher"] is None
    assert loaded(file, '--teacher="null"')["teacher"] == "null"
    assert loaded(file, "--level=null")["level"] is None
    assert loaded(file, "--level=-30")["level"] == -30
    assert loaded(file, "--n_cached=5")["n_cached"] == 5
    part = loaded(file, "--loader_options={num_workers: 4}")
    assert part["loader_options"] == {"batch_size": 16, "num_workers": 4}


def test_what_is_not_the_file_s_is_left(file):
    words = ["some.yaml", "--device", "cpu", "--device=cpu"]
    assert file.split([*words, "--lr=1"], ["device"]) == (["lr: 1"], words)


@pytest.mark.parametrize(
    "words, expected",
    [
        (["--warm_steps=3"], "--warmup_steps"),
        (["--total_steps=3"], "--help"),
        (["--lr=fast"], "a number, got 'fast'"),
        (["--lr=-0.1"], "above 0"),
        (["--lr=0"], "above 0"),
        (["--lr=.nan"], "above 0"),
        (["--lr=null"], "got null"),
        (["--lr"], "got none"),
        (["--lr", "--force"], "got none"),
        (["--lr=1", "--lr=2"], "--lr twice"),
        (["--batch_size=2.5"], "a whole number"),
        (["--batch_size=0"], "above 0"),
        (["--warmup_steps=-1"], "at least 0"),
        (["--n_cached=many"], "a whole number"),
        (["--force=maybe"], "True or False"),
        (["--loader_options=4"], "keys in braces"),
        (["--output_folder="], "a folder"),
        (["--output_folder=null"], "a folder"),
        (["--lr=[1"], "YAML"),
        (["--lr=1\nseed: 2"], "one value"),
    ],
)
def test_what_cannot_be_right_takes_one_line(file, words, expected):
    with pytest.raises(ExplainableSegError) as refusal:
        file.split(words, others=[])
    message = str(refusal.value)
    assert expected in message and "\n" not in message


@pytest.mark.parametrize(
    "overrides, expected",
    [
        ("", "data_folder"),
        ("data_folder: d\nnum_worker: 1", "num_worker"),
        ('data_folder: d\noutput_folder: "a <b>"', "not valid"),
    ],
)
def test_settings_that_do_not_resolve_take_one_line(file, overrides, expected):
    with pytest.raises(ExplainableSegError, match=expected) as refusal:
        file.resolved(overrides)
    assert "\n" not in str(refusal.value)


def test_resolved_values_are_plain_and_make_nothing(file):
    settings = file.resolved("data_folder: d\nlr: 1e-3")
    assert settings["output_folder"] == "results/mini/1986"
    assert settings["lr"] == 0.001 and type(settings["lr"]) is float
    assert settings["force"] is False
    assert settings["schedule"] == {"!new:collections.Counter": {"lr": 0.001}}


@pytest.mark.parametrize(
    "content, expected",
    [(None, "No such file"), (b"a: [", "YAML"), (b"x", "keys"), (b"\xff", "")],
)
def test_what_is_no_file_of_keys_takes_one_line(tmp_path, content, expected):
    path = tmp_path / "some.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExplainableSegError, match=expected) as refusal:
        SettingsFile(str(path))
    assert "\n" not in str(refusal.value) and str(path) in str(refusal.value)


def test_help_has_each_key_with_default_and_comment(file):
    text = file.help()
    for line in (
        "--lr=0.003",
        "--warmup_steps=30  # updates",
        "--data_folder=(to be given)  # where the sound is",
        "--output_folder=results/<corpus>/<seed>",
        "num_workers: 1",
    ):
        assert line in text
    assert "schedule" not in text and "####" not in text


ABOVE = """\
# On the other one.
base: some.yaml

corpus: maxi
# Halved.
lr: 0.0015
scale: 2  # of the steps
warmup_steps: !ref 30 * <scale>
batch_size: 8  # small
"""


def above(tmp_path, text, name="above.yaml"):
    """A file that stands on another one."""
    (tmp_path / "some.yaml").write_text(TEXT)
    (tmp_path / name).write_text(text)
    return SettingsFile(str(tmp_path / name))


def test_a_file_that_stands_on_another_by_hand(tmp_path):
    file = above(tmp_path, ABOVE)
    expected = TEXT.replace("# ####\nseed", "# ####\n# On the other one.\nseed")
    for old, new in (
        ("mini", "maxi"),
        ("lr: 0.003", "# Halved.\nlr: 0.0015"),
        (
            "warmup_steps: 30  # updates",
            "scale: 2  # of the steps\n"
            "warmup_steps: !ref 30 * <scale>  # updates",
        ),
        ("batch_size: 16", "batch_size: 8  # small"),
    ):
        expected = expected.replace(old, new, 1)
    assert file.text == expected
    hparams = loaded(file, "--scale=3", "--seed=7")
    assert hparams["warmup_steps"] == 90
    assert hparams["output_folder"] == "results/maxi/7"
    assert hparams["loader_options"]["batch_size"] == 8


def test_help_is_of_all_files_together(tmp_path):
    text = above(tmp_path, ABOVE).help()
    for line in ("--lr=0.0015", "# Halved.", "--scale=2  # of the steps"):
        assert line in text
    assert "--warmup_steps=30 * <scale>  # updates" in text
    assert "--base" not in text


def test_files_may_stand_on_files_that_stand_on_others(tmp_path):
    above(tmp_path, ABOVE)
    file = above(tmp_path, "base: above.yaml\nscale: 5\n", "third.yaml")
    assert loaded(file)["warmup_steps"] == 150


def test_a_file_may_stand_on_several_the_last_one_on_top(tmp_path):
    (tmp_path / "shared.yaml").write_text("corpus: both\nlr: 0.5\n")
    text = "base: [some.yaml, shared.yaml]\nlr: 0.25\n"
    hparams = loaded(above(tmp_path, text))
    assert (hparams["corpus"], hparams["lr"]) == ("both", 0.25)
    text = "base: [shared.yaml, some.yaml]\n"  # which has keys of its own
    with pytest.raises(ExplainableSegError):
        above(tmp_path, text)
    with pytest.raises(ExplainableSegError, match="got itself"):
        above(tmp_path, "base: [some.yaml, above.yaml]\n")


def test_a_file_that_is_put_together_is_read_as_it_is(tmp_path):
    file = above(tmp_path, ABOVE)
    (tmp_path / "whole.yaml").write_text(file.text)
    whole = SettingsFile(str(tmp_path / "whole.yaml"))
    assert whole.text == file.text
    given = "data_folder: d"
    assert whole.resolved(given) == file.resolved(given)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("learning_rate: 1\n", "'learning_rate'"),
        ("lrr: 1\n", "did you mean lr"),
        ("a: 1\na_too: !ref <a>\n", "'a_too'"),
        ("lr: fast\n", "a number, got 'fast'"),
        ("lr: 0\n", "above 0"),
        ("batch_size: 2.5\n", "a whole number"),
        ("loader_options: 4\n", "keys in braces"),
        ("lr: 1\nlr: 2\n", "duplicate key"),
        ("lr: [1\n", "YAML"),
        ("'lr': 1\n", "start of a line, got lr"),
    ],
)
def test_what_a_file_cannot_change_takes_one_line(tmp_path, text, expected):
    with pytest.raises(ExplainableSegError) as refusal:
        above(tmp_path, f"base: some.yaml\n{text}")
    message = str(refusal.value)
    assert expected in message and "\n" not in message
    assert "above.yaml" in message


@pytest.mark.parametrize("base", ["nowhere.yaml", "above.yaml", "null"])
def test_a_base_that_is_none_takes_one_line(tmp_path, base):
    with pytest.raises(ExplainableSegError) as refusal:
        above(tmp_path, f"base: {base}\nlr: 1\n")
    assert "\n" not in str(refusal.value)

"""Manifests in and out."""

import csv
import dataclasses
import subprocess
import sys

import pytest

from explainable_seg.corpora.manifest import (
    COLUMNS,
    Region,
    read_manifest,
    write_manifest,
)
from explainable_seg.errors import ManifestError

CONTRACT = (
    "ID,duration,wav,start,stop,sample_rate,recording,rttm,"
    "speech_uem,music_uem,noise_uem,overlap_uem"
)
NOWHERE = {"speech": None, "music": None, "noise": None, "overlap": None}


@pytest.fixture
def region(tmp_path):
    """A region whose audio file exists."""
    wav = tmp_path / "a, b.wav"
    wav.touch()
    return Region(
        id="show-1",
        duration=2.5,
        wav=str(wav),
        start=22050,
        stop=77175,
        sample_rate=22050,
        recording="show",
        rttm=str(tmp_path / "show.rttm"),
        uems={**NOWHERE, "speech": str(tmp_path / "show.uem")},
    )


def rewrite(path, **values):
    """Change fields of the first row of a manifest."""
    with open(path, newline="") as stream:
        rows = list(csv.DictReader(stream))
    rows[0].update(values)
    with open(path, "w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_columns_are_those_of_the_contract(tmp_path, region):
    write_manifest(tmp_path / "train.csv", [region])
    head = (tmp_path / "train.csv").read_text().splitlines()[0]
    assert head == CONTRACT == ",".join(COLUMNS)


def test_write_then_read_is_identity(tmp_path, region):
    other = dataclasses.replace(region, id="show-2", rttm=None, uems=NOWHERE)
    write_manifest(tmp_path / "train.csv", [region, other])
    assert read_manifest(tmp_path / "train.csv") == [region, other]


def test_seconds_of_a_region_in_its_recording(region):
    assert (region.start_s, region.stop_s) == (1.0, 3.5)


def test_data_root_is_filled_in_everywhere(tmp_path, region):
    moved = dataclasses.replace(
        region,
        wav="$data_root/a, b.wav",
        rttm="$data_root/show.rttm",
        uems={**NOWHERE, "music": "$data_root/show.uem"},
    )
    file = tmp_path / "train.csv"
    write_manifest(file, [moved])
    (read,) = read_manifest(file, data_root=tmp_path)
    assert read.wav == region.wav
    assert read.rttm == str(tmp_path / "show.rttm")
    assert read.uems == {**NOWHERE, "music": str(tmp_path / "show.uem")}
    with pytest.raises(ManifestError, match=r"train\.csv:2; give the folder"):
        read_manifest(file)


def test_paths_below_the_manifest_move_with_it(tmp_path, region):
    folder = tmp_path / "prepared"
    inside = dataclasses.replace(
        region,
        rttm=str(folder / "rttm" / "a.rttm"),
        uems={**NOWHERE, "music": str(folder / "uem" / "a.uem")},
    )
    write_manifest(folder / "train.csv", [inside], data_root=tmp_path)
    text = (folder / "train.csv").read_text()
    assert ",rttm/a.rttm,,uem/a.uem,," in text and str(tmp_path) not in text
    assert '"$data_root/a, b.wav"' in text
    moved = tmp_path / "elsewhere" / "moved"
    moved.parent.mkdir()
    folder.rename(moved)
    (read,) = read_manifest(moved / "train.csv", data_root=tmp_path)
    assert read.wav == region.wav
    assert read.rttm == str(moved / "rttm" / "a.rttm")
    assert read.uems["music"] == str(moved / "uem" / "a.uem")
    # From another working folder, and through a link.
    (tmp_path / "link.csv").symlink_to(moved / "train.csv")
    assert read_manifest(tmp_path / "link.csv", data_root=tmp_path) == [read]


def test_paths_do_not_depend_on_the_working_folder(
    tmp_path, region, monkeypatch
):
    write_manifest(tmp_path / "train.csv", [region])
    monkeypatch.chdir(tmp_path)
    assert read_manifest("train.csv") == [region]


def test_speechbrain_reads_the_audio_of_a_manifest(tmp_path, region):
    write_manifest(tmp_path / "out.csv", [region], data_root=tmp_path)
    # In a process of its own: its lazy modules break what looks at modules.
    code = (
        "import sys; from speechbrain.dataio.dataio import load_data_csv; "
        "rows = load_data_csv(sys.argv[1], {'data_root': sys.argv[2]}); "
        "print(rows['show-1']['wav'])"
    )
    command = [sys.executable, "-c", code, tmp_path / "out.csv", tmp_path]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == region.wav


def test_names_with_decomposed_accents_are_composed(tmp_path, region):
    file = tmp_path / "train.csv"
    write_manifest(file, [region])
    rewrite(file, ID="cafe\u0301/1", recording="cafe\u0301")
    (read,) = read_manifest(file)
    assert (read.id, read.recording) == ("caf\xe9/1", "caf\xe9")


def test_a_column_twice_is_refused(tmp_path, region):
    file = tmp_path / "train.csv"
    write_manifest(file, [region])
    lines = [f"{line},wav" for line in file.read_text().splitlines()]
    file.write_text("\n".join(lines))
    with pytest.raises(ManifestError, match="each column once"):
        read_manifest(file)


def test_columns_of_others_are_allowed_in_any_order(tmp_path, region):
    file = tmp_path / "train.csv"
    write_manifest(file, [region])
    with open(file, newline="") as stream:
        (row,) = csv.DictReader(stream)
    with open(file, "w", newline="") as stream:
        writer = csv.DictWriter(stream, ["show", *reversed(row)])
        writer.writeheader()
        writer.writerow({**row, "show": "news"})
    assert read_manifest(file) == [region]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ID": ""}, "a value for ID"),
        ({"recording": ""}, "a value for recording"),
        ({"recording": "../../x"}, "file for recording, got '../../x'"),
        ({"recording": "/x"}, "file for recording, got '/x'"),
        ({"recording": "a/b"}, "file for recording, got 'a/b'"),
        ({"recording": r"..\x"}, "file for recording"),
        ({"recording": ".."}, r"file for recording, got '\.\.'"),
        ({"recording": "late show"}, "file for recording"),
        ({"recording": "a\x1b[31m"}, "file for recording"),
        ({"ID": "../../x"}, "file for ID, got '../../x'"),
        ({"ID": "/x"}, "file for ID, got '/x'"),
        ({"ID": "a//x"}, "file for ID"),
        ({"ID": r"corpus\..\x"}, "file for ID"),
        ({"ID": "a\tb"}, "file for ID"),
        ({"start": "9" * 400, "stop": "1" + "0" * 400}, "0 <= start"),
        ({"start": "9" * 9999}, "a whole number for start"),
        ({"sample_rate": "9" * 400}, "positive sample_rate"),
        ({"duration": "two"}, "a number for duration, got 'two'"),
        ({"duration": "nan"}, "duration of 2.5000 s .* got nan"),
        ({"duration": "3"}, "duration of 2.5000 s .* got 3.0"),
        ({"start": "1.5"}, "a whole number for start, got '1.5'"),
        ({"start": "-1"}, "0 <= start < stop"),
        ({"stop": "22050"}, "0 <= start < stop"),
        ({"sample_rate": "0"}, "positive sample_rate"),
        ({"rttm": ""}, "an rttm for the annotated classes"),
        ({"wav": "gone.wav"}, "no file /.*/gone.wav"),
    ],
)
def test_a_bad_row_is_named(tmp_path, region, values, message):
    file = tmp_path / "train.csv"
    write_manifest(file, [region])
    rewrite(file, **values)
    with pytest.raises(ManifestError, match=message) as info:
        read_manifest(file)
    assert "train.csv:2;" in str(info.value)
    assert "\n" not in str(info.value)


def test_an_id_twice_is_refused(tmp_path, region):
    write_manifest(tmp_path / "train.csv", [region, region])
    with pytest.raises(ManifestError, match=r"'show-1' again, in .*csv:3;"):
        read_manifest(tmp_path / "train.csv")


def test_scoring_needs_no_audio(tmp_path, region):
    gone = dataclasses.replace(region, wav=str(tmp_path / "gone"))
    write_manifest(tmp_path / "test.csv", [gone])
    assert read_manifest(tmp_path / "test.csv", check_audio=False) == [gone]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"", "got none named ID"),
        (b"ID,duration\na,1\n", "got none named wav,start"),
        (CONTRACT.encode() + b"\n", "at least one row"),
        (CONTRACT.encode() + b"\na,1\n", "expected 12 fields"),
        (CONTRACT.encode() + b"\n" + b"1," * 13, "expected 12 fields"),
        (b"RIFF\xff\xfe\x00", "CSV file in UTF-8"),
    ],
)
def test_a_file_that_is_no_manifest_is_one_line(tmp_path, content, message):
    file = tmp_path / "train.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ManifestError, match=message) as info:
        read_manifest(file)
    assert str(file) in str(info.value)
    assert "\n" not in str(info.value)

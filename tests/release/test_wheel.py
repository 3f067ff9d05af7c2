"""The release, as users get it: built, installed elsewhere, run offline."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
import soundfile

for tool in ("build", "twine"):
    pytest.importorskip(tool)
pytestmark = pytest.mark.wheel

CHECKOUT = Path(__file__).parents[2]
SHIPPED = (
    "explainable_seg/py.typed",
    "explainable_seg/default_model/README.md",
    "explainable_seg/default_model/config.json",
    "explainable_seg/default_model/model.safetensors",
    "explainable_seg/pages/templates/report.html.j2",
)


def run(*command: object, **options) -> subprocess.CompletedProcess:
    """A command that must succeed."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=600,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> tuple[Path, Path]:
    """The wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, cwd=CHECKOUT)
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, source


@pytest.fixture(scope="module")
def installed(release, tmp_path_factory) -> Path:
    """Folder of the commands of an environment with the wheel.

    What the package needs is borrowed from this environment, which saves a
    download of gigabytes; docs/release.md has the commands without borrowing.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    places = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"
    )
    # A path in such a file is searched, but the .pth files in it are not read:
    # an editable install of the checkout stays out of sight.
    borrowed = Path(places.stdout.strip(), "borrowed.pth")
    borrowed.write_text(sysconfig.get_path("purelib") + "\n")
    options = ("--no-deps", "--no-index", "--ignore-installed")
    run(python, "-m", "pip", "install", *options, release[0], env=clean())
    return folder / "bin"


def clean() -> dict[str, str]:
    """The environment, without paths into a checkout."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}


def without_network() -> list[str]:
    """What to put before a command that must not see a network."""
    blocked = ["unshare", "--map-root-user", "--net"]
    try:
        subprocess.run([*blocked, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the network cannot be blocked here: no `unshare --net`")
    return blocked


@pytest.fixture
def show(corpora, tmp_path) -> Path:
    """Half a minute of a real recording."""
    source = min((corpora / "realbroadcast").rglob("*.flac"))
    with soundfile.SoundFile(source) as sound:
        samples = sound.read(30 * sound.samplerate)
        soundfile.write(tmp_path / "show.wav", samples, sound.samplerate)
    return tmp_path / "show.wav"


def test_what_is_in_the_release(release):
    wheel, source = release
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, source)
    names = zipfile.ZipFile(wheel).namelist()
    assert set(SHIPPED) <= set(names)
    roots = {name.partition("/")[0] for name in names}
    assert {r for r in roots if not r.endswith(".dist-info")} == {
        "data_prep",
        "explainable_seg",
    }
    tracked = run("git", "ls-files", cwd=CHECKOUT).stdout.splitlines()
    package = [n for n in tracked if n.startswith("explainable_seg/")]
    assert set(package) <= set(names)
    with tarfile.open(source) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {name for name in tracked if not name.startswith(".")} <= held


def test_the_installed_commands_work_offline(installed, show, tmp_path):
    command = [*without_network(), installed / "explainable-seg"]
    options = {"cwd": tmp_path, "env": {**clean(), "HOME": str(tmp_path)}}
    python = (installed / "python", "-c")
    where = run(
        *python, "import explainable_seg as e; print(e.__file__)", **options
    )
    assert where.stdout.startswith(str(installed.parent))
    run(*command, "segment", show, "--output", "found", **options)
    lines = (tmp_path / "found/show.rttm").read_text().splitlines()
    assert "speech" in {line.split()[7] for line in lines}
    run(*command, "explain", show, "--output", "why", **options)
    why = json.loads((tmp_path / "why/explanation.json").read_text())
    assert "speech" in {found["class"] for found in why["explanations"]}
    assert (tmp_path / "why/report.html").stat().st_size > 10_000


def test_a_source_distribution_gives_the_same_wheel(release, tmp_path):
    wheel, source = release
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    run(
        *(sys.executable, "-m", "build", "--wheel"),
        *("--outdir", tmp_path / "dist"),
        cwd=folder,
    )
    (again,) = (tmp_path / "dist").iterdir()
    assert contents(again) == contents(wheel)


def contents(wheel: Path) -> dict[str, int]:
    """Checksums of the files of a wheel."""
    return {
        info.filename: info.CRC for info in zipfile.ZipFile(wheel).infolist()
    }

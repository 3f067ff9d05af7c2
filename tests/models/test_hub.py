"""Folders that are hostile, hubs, and SpeechBrain's own loaders."""

import base64
import http.server
import json
import os
import pickle
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from huggingface_hub import HfApi
from tiny_student import (
    CONFIG,
    make_student,
    make_wavlm_student,
    save_student,
    tones,
)

from explainable_seg.errors import ModelError
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.models.pretrained import load_pretrained

CARD = """# A tiny student

```python
from explainable_seg import ExplainableSegmenter

segmenter = ExplainableSegmenter.from_pretrained("this/folder")
result = segmenter.segment("show.wav")
```
"""
COMMIT = "0" * 40


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A pretrained folder that no test changes."""
    return save_student(tmp_path_factory.mktemp("model") / "student")


class Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def test_no_code_of_a_folder_runs(saved, tmp_path, monkeypatch):
    folder, mark = save_student(tmp_path / "student"), tmp_path / "ran"
    trap = pickle.dumps(Trap(mark))
    for name in ("pytorch_model.bin", "model.pt", "model.ckpt", "model.pkl"):
        (folder / name).write_bytes(trap)
    yaml = f"x: !!python/object/apply:os.mkdir ['{mark}']\n"
    yaml += f"y: !apply:os.mkdir ['{mark}']\n"
    for name in ("hyperparams.yaml", "config.yaml"):
        (folder / name).write_text(yaml)
    code = f"import os\nos.mkdir({str(mark)!r})\n"
    for name in ("custom.py", "__init__.py", "modeling.py", "torch.py"):
        (folder / name).write_text(code)
    monkeypatch.chdir(folder)
    ExplainableSegmenter.from_pretrained(folder, "cpu")
    ExplainableSegmenter.from_pretrained(".", "cpu")
    (folder / "model.safetensors").write_bytes(trap)
    with pytest.raises(ModelError):
        load_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    for entry in (
        {"auto_map": {"AutoModel": "modeling.X"}},
        {"type": "custom"},
    ):
        changed = {**config, "model": {**config["model"], **entry}}
        (folder / "config.json").write_text(json.dumps(changed))
        with pytest.raises(ModelError):
            load_pretrained(folder)
    assert not mark.exists()
    pickle.loads(trap)
    assert mark.exists()  # the trap would have worked


def test_50_damaged_folders_are_errors_or_models(saved, tmp_path):
    rng = np.random.default_rng(5)
    files = ("config.json", "model.safetensors")
    contents = {name: (saved / name).read_bytes() for name in files}
    n_errors = 0
    for n in range(50):
        folder = tmp_path / str(n)
        folder.mkdir()
        for name, content in contents.items():
            data = bytearray(content)
            if name == files[n % 2]:
                for position in rng.integers(len(data), size=1 + n // 10):
                    data[position] = rng.integers(256)
                if n % 5 == 0:
                    del data[rng.integers(len(data)) :]
            (folder / name).write_bytes(data)
        try:
            load_pretrained(folder)
        except ModelError as error:
            n_errors += 1
            assert "\n" not in str(error) and str(folder) in str(error)
    assert n_errors > 35


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub's HTTP interface as loading and pushing need."""

    files: dict[str, bytes] = {}
    seen: list[tuple[str, str, str]] = []

    def _reply(self, content: bytes, headers: dict[str, str] | None = None):
        token = self.headers.get("authorization", "")
        self.seen.append((self.command, self.path, token))
        self.send_response(200)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _json(self, value):
        headers = {"Content-Type": "application/json"}
        self._reply(json.dumps(value).encode(), headers)

    def do_GET(self):
        if "/tree/" in self.path:
            self._json(
                [
                    {"type": "file", "path": n, "size": len(c), "oid": COMMIT}
                    for n, c in self.files.items()
                ]
            )
            return
        if self.path.startswith("/api/models/"):
            siblings = [{"rfilename": name} for name in self.files]
            self._json({"id": "org/tiny", "sha": COMMIT, "siblings": siblings})
            return
        name = self.path.rpartition("/")[2]
        if name not in self.files:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = self.files[name]
        etag = f'"{abs(hash(content)):040x}"'
        headers = {"ETag": etag, "X-Repo-Commit": COMMIT}
        self._reply(content, headers)

    do_HEAD = do_GET

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(length)
        if self.path.endswith("/repos/create"):
            url = f"http://{self.headers['Host']}/org/tiny"
            self._json({"url": url, "id": "org/tiny"})
        elif "/preupload/" in self.path:
            names = [f["path"] for f in json.loads(body)["files"]]
            self._json(
                {
                    "files": [
                        {
                            "path": name,
                            "uploadMode": "regular",
                            "shouldIgnore": False,
                        }
                        for name in names
                    ]
                }
            )
        elif "/commit/" in self.path:
            for line in body.splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    content = base64.b64decode(entry["value"]["content"])
                    self.files[entry["value"]["path"]] = content
            url = f"http://{self.headers['Host']}/org/tiny/commit/{COMMIT}"
            self._json({"commitUrl": url, "commitOid": COMMIT, "success": True})
        else:
            self._json({})

    def log_message(self, *arguments):
        """Write nothing."""


@pytest.fixture
def hub():
    """A local stand-in of the hub."""
    Hub.files, Hub.seen = {}, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


PUSH = """
import sys
from explainable_seg import ExplainableSegmenter
segmenter = ExplainableSegmenter.from_pretrained(sys.argv[1], "cpu")
print(segmenter.push_to_hub("org/tiny", token="hf_secret"))
ExplainableSegmenter.from_pretrained(
    "org/tiny", "cpu", revision="v1", token="hf_secret", cache_dir="cache")
exec(sys.argv[2])
print(len(result.segments))
"""


def test_a_model_goes_to_the_hub_and_its_card_runs_as_it_stands(
    saved, hub, tmp_path
):
    student = ExplainableSegmenter(make_student(), CONFIG, CARD)
    student.save_pretrained(tmp_path / "student")
    soundfile.write(tmp_path / "show.wav", tones(3.0), 16000)
    (code,) = re.findall(r"```python\n(.*?)```", CARD, re.DOTALL)
    done = subprocess.run(
        [
            *(sys.executable, "-c", PUSH, "student"),
            code.replace("this/folder", "org/tiny"),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "HF_ENDPOINT": hub,
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    url, n_segments = done.stdout.split()
    expected = student.segment(tmp_path / "show.wav").segments
    assert url.endswith(COMMIT) and int(n_segments) == len(expected)
    card = Hub.files["README.md"].decode()
    assert card.startswith("---\nlibrary_name: explainable-seg\n")
    assert 'from_pretrained("org/tiny")' in card
    asked = [path for _, path, token in Hub.seen if "hf_secret" in token]
    assert any("v1" in path for path in asked)
    assert list((tmp_path / "cache").iterdir())
    fetched = {path.rpartition("/")[2] for _, path, _ in Hub.seen}
    assert "custom.py" not in fetched and "hyperparams.yaml" not in fetched


def test_a_hub_that_cannot_be_reached(saved, monkeypatch):
    monkeypatch.setattr(
        "huggingface_hub.HfApi",
        lambda token: HfApi(endpoint="http://127.0.0.1:9", token=token),
    )
    segmenter = ExplainableSegmenter.from_pretrained(saved, "cpu")
    with pytest.raises(ModelError, match="for org/tiny; check"):
        segmenter.push_to_hub("org/tiny", token="hf_secret")


LOAD = """
import sys
from explainable_seg import ExplainableSegmenter
segmenter = ExplainableSegmenter.from_pretrained(
    sys.argv[1], "cpu", token="hf_secret", cache_dir="cache")
print(float(segmenter.model.frontend.encoder.masked_spec_embed.sum()))
"""


def test_wavlm_comes_from_the_hub_where_an_export_names_it(hub, tmp_path):
    student = make_wavlm_student()
    encoder = student.frontend.encoder
    encoder.save_pretrained(tmp_path / "published")
    Hub.files = {p.name: p.read_bytes() for p in tmp_path.glob("published/*")}
    segmenter = ExplainableSegmenter(student, CONFIG)
    segmenter.save_pretrained(tmp_path / "student", False, "org/wavlm")
    done = subprocess.run(
        [sys.executable, "-c", LOAD, "student"],
        cwd=tmp_path,
        env={
            **os.environ,
            "HF_ENDPOINT": hub,
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    expected = float(encoder.masked_spec_embed.sum())
    assert float(done.stdout) == pytest.approx(expected)
    asked = [path for _, path, token in Hub.seen if "hf_secret" in token]
    assert any("/org/wavlm/" in path for path in asked)
    assert done.stderr == ""


FOREIGN = """
import sys
from speechbrain.inference.interfaces import foreign_class
from explainable_seg import ExplainableSegmenter
folder, sound = sys.argv[1:]
ours = ExplainableSegmenter.from_pretrained(folder, "cpu").segment(sound)
theirs = foreign_class(source=folder, savedir="saved")
assert theirs.segment(sound).segments == ours.segments
again = ExplainableSegmenter.from_hparams(source=folder)
assert again.segment(sound).segments == ours.segments
shipped = ExplainableSegmenter.from_hparams(run_opts={"device": "cpu"})
assert shipped.classes == ("speech", "music", "noise", "overlap")
"""


def test_speechbrain_loads_an_export(saved, tmp_path):
    soundfile.write(tmp_path / "show.wav", tones(3.0), 16000)
    done = subprocess.run(
        [sys.executable, "-c", FOREIGN, str(saved), "show.wav"],
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr

#!/usr/bin/env python3
"""Make a release of a trained student: its files, and a card with its sources.

> python recipes/release_model.py results/realbroadcast/student/1 \
    --clips CLIPS/clips.csv --output explainable_seg/default_model

Copies the exported configuration and weights and writes the model card: what
the classes mean, how well it does, what it was trained on under which licences,
and where it fails.

Authors
 * explainable-seg contributors 2026
"""

import argparse
import csv
import json
import logging
import shutil
from collections import Counter
from pathlib import Path

import jinja2

from explainable_seg.files import atomic_path, atomic_write_text
from explainable_seg.models import write_speechbrain_files
from explainable_seg.training import run_recipe

logger = logging.getLogger("release")

CARD = """\
---
license: apache-2.0
tags: [audio, segmentation, explainable, speech, music, noise, overlap]
---

# The default model of explainable-seg

Finds speech, music, noise and overlapped speech, 50 decisions a second for each
class, and says why: every decision is a sum of {{ n_atoms }} spectral atoms.

```python
from explainable_seg import ExplainableSegmenter

segmenter = ExplainableSegmenter.from_pretrained()
result = segmenter.segment("show.wav")
why = segmenter.explain("show.wav", "music")
```

## What the classes mean

| class | is heard when |
|---|---|
| speech | somebody speaks, also over music or noise |
| music | instruments or songs play, alone or as a bed |
| noise | there is traffic, rain, wind, machines, animals, a room full of people |
| overlap | two voices or more speak at once |

## How well it does

F1 of seconds, without a collar, on recorded programmes whose speakers, tracks
and noises it has not heard. Thresholds are tuned on dev. `docs/results.md` has
three seeds, other levels and channels.

| part | {{ classes | join(" | ") }} | macro |
|{{ "---|" * (classes | length + 2) }}
{% for part, scores in parts.items() -%}
| {{ part }} | {{ scores | join(" | ") }} |
{% endfor %}
On test, W H rebuilds the log-power spectrogram with a relative error of
{{ "%.2f" | format(g.error) }} ({{ "%.2f" | format(g.error_ratio) }} times that of the sparse NMF itself)
from {{ "%.1f" | format(g.atoms) }} active atoms a frame, and {{ "%.0f" | format(100 * g.supported_relevance) }} % of the positive
relevance rests on activations that the sound supports.

## What it was trained on

Programmes composed of {{ n_clips }} clips ({{ "%.0f" | format(minutes) }}
minutes), all free to use; two thirds were composed while training. Not a
second of them is in this folder. Beside them 20 minutes of minibroadcast, whose
sounds are all synthesised. The sources, to whom thanks:

| source | licence | clips |
|---|---|---|
{% for (source, licence), count in sources -%}
| {{ source }} | {{ licence }} | {{ count }} |
{% endfor %}
"Pixabay Content License or CC0": both allow to use and change the sounds, also
commercially and without naming their makers; the former forbids to pass on the
sounds as they are, which this model does not.

## Where it fails

- Through a telephone it finds less noise and overlap (`docs/results.md`). How
  loud a recording is does not matter, but what is far quieter than the rest of
  it is found less.
- Singing is taken for speech at times: in music where nobody speaks, songs
  among it, more speech is found than silero-vad finds (`docs/results.md`).
- Children's voices, whispering and tonal languages are rare in what it learned
  from, and how well it does on them has not been measured.
- It hears 4 s at a time: what only a longer context tells, it cannot know.

## What it is for

Indexing archives, preparing data, research on explanations. Not for decisions
about people.
"""


def main(arguments):
    """Copy the export and write its card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("student", type=Path, help="folder of its training")
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    export = options.student / "export"
    for name in ("config.json", "model.safetensors"):
        with atomic_path(options.output / name) as temporary:
            shutil.copyfile(export / name, temporary)
    write_speechbrain_files(options.output)
    card = make_card(options.student, options.clips)
    atomic_write_text(options.output / "README.md", card)
    logger.info("released in %s", options.output)


def make_card(student, clips):
    """The model card, from what training and the list of clips say."""
    with open(clips, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    sources = Counter((row["source"], row["licence"]) for row in rows)
    config = read(student / "export/config.json")
    return jinja2.Template(CARD, undefined=jinja2.StrictUndefined).render(
        n_atoms=config["model"]["n_atoms"],
        classes=config["classes"],
        parts={part: f1s(student / part) for part in ("dev", "test")},
        g=read(student / "grounding.json")["test"],
        n_clips=len(rows),
        minutes=sum(float(row["duration"]) for row in rows) / 60,
        sources=sources.most_common(),
    )


def f1s(folder):
    """F1 of each class, then their mean, as text."""
    scores = read(folder / "scores.json")
    f1 = [row["f1"] for row in scores["classes"].values()]
    f1.append(scores["macro_f1"])
    return ["-" if x is None else f"{x:.3f}" for x in f1]


def read(path):
    """Content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    run_recipe(main)

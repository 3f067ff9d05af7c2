"""A web page that finds speech, music, noise and overlap, and says why."""

import html
import tempfile
from pathlib import Path
from typing import Optional

import gradio as gr

from explainable_seg.audio.stream import Excerpt, stream_audio
from explainable_seg.cli import cli
from explainable_seg.errors import ExplainableSegError
from explainable_seg.frames import SAMPLE_RATE

LONGEST = 600  # seconds: all of a recording is held to explain it
FRAME = (
    '<iframe title="Report" srcdoc="{}" '
    'style="width: 100%; height: 90vh; border: 0"></iframe>'
)


def report(path: Optional[str]) -> str:
    """The report on a recording, in a frame of its own."""
    if path is None:
        raise gr.Error("Upload or record something first.")
    excerpt = Excerpt(end=LONGEST + 1)
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["explain", path, "--output", folder]
        try:
            n_samples = sum(map(len, stream_audio(path, excerpt=excerpt)))
            if n_samples > LONGEST * SAMPLE_RATE:
                raise gr.Error(f"Expected at most {LONGEST // 60} minutes.")
            cli.main(arguments, standalone_mode=False)
        except ExplainableSegError as error:
            raise gr.Error(html.escape(str(error))) from None
        page = Path(folder, "report.html").read_text(encoding="utf-8")
    return FRAME.format(html.escape(page))


with gr.Blocks(
    title="explainable-seg", analytics_enabled=False, delete_cache=(600, 600)
) as demo:
    gr.Markdown(
        "# Why did it say speech here?\n"
        "Finds speech, music, noise and overlapped speech, and shows which "
        "spectral patterns made each decision."
    )
    audio = gr.Audio(
        label="Recording",
        sources=["upload", "microphone"],
        type="filepath",
        elem_id="recording",
    )
    button = gr.Button("Find and explain", variant="primary")
    page = gr.HTML()
    button.click(report, audio, page)

if __name__ == "__main__":
    demo.launch()

"""A web page that finds speech, music, noise and overlap, and says why."""

import html
from typing import Optional

import gradio as gr
from explaining import Refused, explain_upload

LARGEST_UPLOAD = "100mb"
MOST_WAITING = 10
FRAME = (
    '<iframe title="Report" srcdoc="{}" '
    'style="width: 100%; height: 90vh; border: 0"></iframe>'
)


def report(path: Optional[str]) -> str:
    """The report on a recording, in a frame of its own."""
    if path is None:
        raise gr.Error("Upload or record something first.")
    try:
        page = explain_upload(path)
    except Refused as refused:
        raise gr.Error(html.escape(str(refused))) from None
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
    button.click(report, audio, page, concurrency_limit=1)

if __name__ == "__main__":
    demo.queue(max_size=MOST_WAITING)
    demo.launch(max_file_size=LARGEST_UPLOAD, show_error=False)

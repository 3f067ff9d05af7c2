"use strict";
// The recording over time: waveform, lanes, zoom, the play cursor, choosing.

const WAVE_HEIGHT = 56; // of the panel; below it lies the spectrogram
const PANEL_HEIGHT = 216;
const NEAR = 14; // pixels from a click to the block that it means
const FIRST_DENSITY = 6; // pixels a second
const MOST_DENSITY = 200;

function drawWave([channel], context) {
  const { width, height } = context.canvas;
  const tall = (height * WAVE_HEIGHT) / PANEL_HEIGHT;
  const top = Math.max(...recording.peaks, 1e-9);
  context.beginPath();
  for (let x = 0; x < width; x++) {
    const value = channel[Math.floor((x * channel.length) / width)] / top;
    context.rect(x, (tall * (1 - value)) / 2, 1, Math.max(tall * value, 1));
  }
  context.fill();
}

const regions = WaveSurfer.Regions.create();
const wave = WaveSurfer.create({
  container: byId("wave"),
  height: PANEL_HEIGHT,
  url: recording.audio,
  peaks: [recording.peaks],
  duration: recording.duration,
  waveColor: "#7b8794",
  progressColor: "#7b8794",
  cursorWidth: 0,
  hideScrollbar: true,
  autoScroll: false,
  renderFunction: drawWave,
  plugins: [regions],
});

function shareOf(seconds) {
  return (seconds - recording.start) / recording.duration;
}

// The cursors follow whatever sounds; seconds of the whole recording.
function showTime(seconds, passage) {
  byId("playhead").style.left = 100 * shareOf(seconds) + "%";
  byId("time").textContent = clock(seconds);
  const head = byId("picture-head");
  const inside = (seconds - passage.start) / (passage.end - passage.start);
  head.hidden = inside < 0 || inside > 1;
  head.style.left = 100 * inside + "%";
  keepInView(seconds);
}

function keepInView(seconds) {
  const timeline = byId("timeline");
  const x = shareOf(seconds) * byId("track").offsetWidth;
  if (x < timeline.scrollLeft || x > timeline.scrollLeft + timeline.clientWidth) {
    timeline.scrollLeft = x - 0.1 * timeline.clientWidth;
  }
}

function markChosen(passage) {
  const mark = byId("chosen");
  mark.style.left = 100 * shareOf(passage.start) + "%";
  mark.style.width = (100 * (passage.end - passage.start)) / recording.duration + "%";
  for (const block of document.querySelectorAll(".found button")) {
    const same = +block.dataset.start === passage.start && +block.dataset.end === passage.end;
    const lane = block.closest(".lane").dataset.class;
    block.setAttribute("aria-pressed", same && lane === passage.className);
  }
}

const zoom = {
  factor: 1,
  set(factor) {
    const timeline = byId("timeline");
    const most = Math.max(1, (MOST_DENSITY * recording.duration) / timeline.clientWidth);
    const middle = (timeline.scrollLeft + timeline.clientWidth / 2) / byId("track").offsetWidth;
    this.factor = Math.min(Math.max(factor, 1), most);
    byId("track").style.width = 100 * this.factor + "%";
    timeline.scrollLeft = middle * byId("track").offsetWidth - timeline.clientWidth / 2;
  },
  start() {
    const wanted = (FIRST_DENSITY * recording.duration) / byId("timeline").clientWidth;
    this.set(2 ** Math.ceil(Math.log2(Math.max(wanted, 1)) - 0.01));
    byId("timeline").scrollLeft = 0;
    byId("zoom-in").addEventListener("click", () => this.set(2 * this.factor));
    byId("zoom-out").addEventListener("click", () => this.set(this.factor / 2));
  },
};

// The block at a place of a lane, or the nearest one if it is near enough.
function blockNear(lane, x) {
  let best = null;
  let distance = NEAR;
  for (const block of lane.querySelectorAll(".found button")) {
    const box = block.getBoundingClientRect();
    const gap = Math.max(box.left - x, x - box.right, 0);
    if (gap < distance) [best, distance] = [block, gap];
  }
  return best;
}

// Arrow keys walk through the blocks of a lane, which is one stop of Tab.
function walk(event) {
  const blocks = [...event.currentTarget.children];
  const at = blocks.indexOf(document.activeElement);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: blocks.length - 1 }[event.key];
  if (to === undefined || !blocks[to]) return;
  event.preventDefault();
  blocks[at].tabIndex = -1;
  blocks[to].tabIndex = 0;
  blocks[to].focus();
}

function startLanes(onSegment) {
  for (const lane of document.querySelectorAll(".lane")) {
    lane.addEventListener("click", (event) => {
      if (event.target.closest(".ask-all")) return;
      const block = event.detail === 0 ? event.target.closest("button") : blockNear(lane, event.clientX);
      if (block) onSegment(lane.dataset.class, +block.dataset.start, +block.dataset.end);
    });
    lane.querySelector(".found").addEventListener("keydown", walk);
  }
}

// Dragging over the picture chooses a span; its ends can be dragged on.
function startDragging(onSpan) {
  regions.enableDragSelection({ color: "rgba(225, 29, 72, 0.18)" });
  const choose = (region) => {
    for (const other of regions.getRegions()) if (other !== region) other.remove();
    onSpan(recording.start + region.start, recording.start + region.end);
  };
  regions.on("region-created", choose);
  regions.on("region-updated", choose);
}

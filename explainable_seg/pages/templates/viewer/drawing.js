"use strict";
// The spectrogram, and on it in colour what chosen atoms make of a passage.

const MOST_COLUMNS = 1500;
const HZ_KNEE = 300; // as on the axis of the pictures
const THEMES = {
  light: { paper: [255, 255, 255], sound: [56, 66, 78] },
  dark: { paper: [22, 27, 33], sound: [214, 222, 230] },
};
const darkTheme = matchMedia("(prefers-color-scheme: dark)");

function heightOf(hz) {
  return Math.log1p(hz / HZ_KNEE) / recording.rows.top;
}

function drawHzTicks(container) {
  container.replaceChildren(
    ...recording.hz_ticks.map(({ hz, name }) => {
      const label = document.createElement("span");
      label.textContent = name;
      label.style.bottom = 100 * heightOf(hz) + "%";
      return label;
    }),
  );
}

let tileImages = [];

async function loadTiles() {
  tileImages = recording.tiles.map(({ address, frames }) => {
    const image = new Image();
    image.src = address;
    image.alt = "";
    image.style.flexGrow = frames;
    return image;
  });
  byId("tiles").replaceChildren(...tileImages);
  await Promise.all(tileImages.map((image) => image.decode()));
}

// Loudness of the sound in frames first..last, rows from the top, 0 to 255.
function soundPixels(first, last, columns) {
  const canvas = new OffscreenCanvas(columns, recording.rows.count);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const scale = columns / (last - first);
  let start = 0;
  recording.tiles.forEach(({ frames }, i) => {
    if (start < last && start + frames > first) {
      context.drawImage(tileImages[i], (start - first) * scale, 0, frames * scale, canvas.height);
    }
    start += frames;
  });
  return context.getImageData(0, 0, columns, canvas.height).data;
}

// What the atoms rebuild in each column and row; zero where not explained.
function evidenceOf(passage, atoms, first, last, columns) {
  const { count } = recording.rows;
  const kept = new Set(atoms);
  const values = new Float32Array(columns * count);
  const frames = new Float32Array(columns);
  for (let t = first; t < last; t++) {
    const column = Math.floor(((t - first) * columns) / (last - first));
    frames[column] += 1;
    if (!passage.runs.some(([from, to]) => t >= from && t < to)) continue;
    for (let i = sounding.offsets[t]; i < sounding.offsets[t + 1]; i++) {
      if (!kept.has(sounding.atoms[i])) continue;
      const rows = rowsOf(sounding.atoms[i]);
      for (let r = 0; r < count; r++) values[column * count + r] += sounding.values[i] * rows[r];
    }
  }
  return values.map((value, i) => value / Math.max(frames[Math.floor(i / count)], 1));
}

function drawPassage(canvas, passage, atoms, colour) {
  const [first, last] = framesOf(passage.start, passage.end);
  const columns = Math.min(Math.max(last - first, 1), MOST_COLUMNS);
  const { count } = recording.rows;
  const sound = soundPixels(first, last, columns);
  const evidence = evidenceOf(passage, atoms, first, last, columns);
  const theme = THEMES[darkTheme.matches ? "dark" : "light"];
  const ink = colour.match(/\w\w/g).map((part) => parseInt(part, 16));
  const pixels = new ImageData(columns, count);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < count; row++) {
      const at = 4 * (row * columns + column);
      const loud = 1 - sound[at] / 255;
      const value = evidence[column * count + (count - 1 - row)];
      const strong = Math.min(1, Math.sqrt(value / recording.brightest));
      for (let i = 0; i < 3; i++) {
        const grey = theme.paper[i] + 0.8 * loud * (theme.sound[i] - theme.paper[i]);
        pixels.data[at + i] = grey + strong * (ink[i] - grey);
      }
      pixels.data[at + 3] = 255;
    }
  }
  const small = new OffscreenCanvas(columns, count);
  small.getContext("2d").putImageData(pixels, 0, 0);
  canvas.width = Math.max(columns, 900);
  canvas.getContext("2d").drawImage(small, 0, 0, canvas.width, canvas.height);
}

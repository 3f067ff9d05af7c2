"use strict";
// What the page is about: the numbers of explanation.json as they are, and the
// recording, with activations H and dictionary W rounded to 16 bits.

const byId = (id) => document.getElementById(id);
const numbers = JSON.parse(byId("document").textContent);
const recording = JSON.parse(byId("page-data").textContent);
// own: the atoms of each class, null where all classes share all atoms.
const { classes, theta, bias, thresholds, peak_hz: peaks, own } = numbers.classifier;

function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function decode(text, Type) {
  return new Type(bytesOf(text).buffer);
}

// Rows of n values, one after the other, each with a scale of its own.
function dequantise({ scales, values }, n) {
  const steps = decode(values, Uint16Array);
  return Float32Array.from(steps, (step, i) => step * scales[Math.floor(i / n)]);
}

const atomSpectra = dequantise(recording.dictionary, recording.n_bins);
const atomRows = dequantise(recording.row_dictionary, recording.rows.count);
const energy = decode(recording.energy, Float32Array);

// H: the atoms that sound in frame t are those from offsets[t] to offsets[t + 1].
const sounding = (() => {
  const { counts, atoms, values, scales } = recording.activations;
  const offsets = new Uint32Array(recording.n_frames + 1);
  decode(counts, Uint16Array).forEach((count, t) => {
    offsets[t + 1] = offsets[t] + count;
  });
  const indices = decode(atoms, Uint16Array);
  const steps = decode(values, Uint16Array);
  const amounts = Float32Array.from(steps, (step, i) => step * scales[indices[i]]);
  return { offsets, atoms: indices, values: amounts };
})();

function spectrumOf(atom) {
  return atomSpectra.subarray(atom * recording.n_bins, (atom + 1) * recording.n_bins);
}

function rowsOf(atom) {
  const { count } = recording.rows;
  return atomRows.subarray(atom * count, (atom + 1) * count);
}

// Frames whose centre lies in a span, as [first, one past the last].
function framesOf(start, end) {
  const place = (seconds) => {
    const sample = (seconds - recording.start) * recording.rate;
    const frame = Math.ceil((sample - recording.first_centre) / recording.hop - 1e-6);
    return Math.min(Math.max(frame, 0), recording.n_frames);
  };
  return [place(start), place(end)];
}

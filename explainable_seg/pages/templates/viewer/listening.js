"use strict";
// What chosen atoms sound like in the recording: their share of each point of
// the spectrogram, laid on the sound with its own phase. As masks.py does it.

const FINE_HOP = Math.round(recording.rate / 200);
const FADE = 0.01;
const EPSILON = 1e-10;
const PAUSE_EVERY = 4000; // frames, so that the page stays alive

let decoded = null;

// The samples of the recording, decoded once.
function recordingSamples() {
  decoded ??= (async () => {
    const context = new OfflineAudioContext(1, 1, recording.rate);
    const content = bytesOf(recording.audio.split(",")[1]).buffer;
    const buffer = await context.decodeAudioData(content);
    const samples = new Float32Array(Math.round(recording.duration * recording.rate));
    samples.set(buffer.getChannelData(0).subarray(0, samples.length));
    return samples;
  })();
  return decoded;
}

// Input, what the atoms keep (inside) and the rest (outside) of a passage.
async function soundsOf(passage, atoms) {
  const samples = await recordingSamples();
  const low = Math.round((passage.start - recording.start) * recording.rate);
  const high = Math.round((passage.end - recording.start) * recording.rate);
  const input = samples.subarray(low, high);
  const inside = await maskedSound(input, low, passage.runs, new Set(atoms));
  const gate = gateOf(input.length, low, passage.runs);
  inside.forEach((value, i) => {
    inside[i] = value * gate[i];
  });
  const outside = input.map((value, i) => value - inside[i]);
  return { input, inside, outside };
}

async function maskedSound(input, low, runs, kept) {
  const { window: width, hop } = recording;
  const size = 2 ** Math.ceil(Math.log2(width));
  const pad = Math.floor((size - width) / 2);
  const window = Float64Array.from({ length: width }, (_, i) =>
    0.5 - 0.5 * Math.cos((2 * Math.PI * i) / width));
  const fft = new FFT(size);
  const frame = new Array(size).fill(0);
  const spectrum = fft.createComplexArray();
  const back = fft.createComplexArray();
  const output = new Float32Array(input.length);
  const weight = new Float32Array(input.length);
  const limits = [runs[0][0], runs[runs.length - 1][1] - 1];
  const maskOf = remember((t) => atFrequencies(frameMask(t, kept), size));
  for (let centre = 0, n = 1; centre <= input.length; centre += FINE_HOP, n++) {
    const from = centre - Math.floor(width / 2);
    for (let i = 0; i < width; i++) frame[pad + i] = (input[from + i] ?? 0) * window[i];
    fft.realTransform(spectrum, frame);
    const place = (centre + low - recording.first_centre) / hop;
    layMask(spectrum, maskOf, Math.min(Math.max(place, limits[0]), limits[1]));
    fft.completeSpectrum(spectrum);
    fft.inverseTransform(back, spectrum);
    for (let i = Math.max(0, -from); i < width && from + i < input.length; i++) {
      output[from + i] += back[2 * (pad + i)] * window[i];
      weight[from + i] += window[i] * window[i];
    }
    if (n % PAUSE_EVERY === 0) await new Promise((done) => setTimeout(done));
  }
  return output.map((value, i) => value / Math.max(weight[i], EPSILON));
}

// Multiply a spectrum by the mask between two frames.
function layMask(spectrum, maskOf, place) {
  const before = Math.floor(place);
  const share = place - before;
  const early = maskOf(before);
  const late = share > 0 ? maskOf(before + 1) : early;
  for (let f = 0; f < early.length; f++) {
    const gain = early[f] + share * (late[f] - early[f]);
    spectrum[2 * f] *= gain;
    spectrum[2 * f + 1] *= gain;
  }
}

// Gains at the bins of another transform, and above what atoms rebuild.
function atFrequencies(mask, size) {
  if (recording.rate === 2 * recording.top_hz && size === 2 * (mask.length - 1)) return mask;
  const spacing = recording.top_hz / (mask.length - 1);
  const { above, from } = recording.carried;
  const carrying = mask.slice(Math.round(from / spacing), Math.round(above / spacing));
  const carried = carrying.reduce((sum, gain) => sum + gain, 0) / carrying.length;
  return Float32Array.from({ length: size / 2 + 1 }, (_, k) => {
    const hz = k * recording.rate / size;
    if (hz > above) return carried;
    const before = Math.floor(hz / spacing);
    return mask[before] + (hz / spacing - before) * (mask[before + 1] - mask[before]);
  });
}

// Whose each atom is; of one source where all classes share all atoms.
const sourceOfAtom = new Uint8Array(peaks.length);
const sources = Object.values(numbers.classifier.sources ?? { all: [] });
sources.forEach((atoms, s) => atoms.forEach((k) => { sourceOfAtom[k] = s; }));

// Share of the kept atoms in each bin of a frame: of what each source has of it.
function frameMask(t, kept) {
  const zeros = () => sources.map(() => new Float32Array(recording.n_bins));
  const [parts, wholes] = [zeros(), zeros()];
  for (let i = sounding.offsets[t]; i < sounding.offsets[t + 1]; i++) {
    const atom = sounding.atoms[i];
    const [part, whole] = [parts[sourceOfAtom[atom]], wholes[sourceOfAtom[atom]]];
    const spectrum = spectrumOf(atom);
    const amount = sounding.values[i];
    const keep = kept.has(atom) ? amount : 0;
    for (let f = 0; f < whole.length; f++) {
      part[f] += keep * spectrum[f];
      whole[f] += amount * spectrum[f];
    }
  }
  return parts[0].map((_, f) => {
    const shares = sourceShares(wholes.map((whole) => whole[f]));
    const mask = shares.reduce(
      (sum, share, s) => sum + share * parts[s][f] / (wholes[s][f] + EPSILON), 0);
    return Math.min(1, mask);
  });
}

// Of the power of a point, from what the atoms of each source rebuild of its
// logarithm: the loudest source is nearly all of it (log_source_masks in masks.py).
function sourceShares(levels) {
  if (levels.length === 1) return [1];
  const whole = levels.reduce((sum, level) => sum + level, 0);
  const factor = whole / (Math.max(...levels) + EPSILON);
  const powers = levels.map((level) =>
    Math.exp(level * factor - whole) * -Math.expm1(-level * factor));
  const total = powers.reduce((sum, power) => sum + power, EPSILON);
  return powers.map((power) => power / total);
}

// The last two results of a function: neighbours are asked for in turn.
function remember(compute) {
  const known = new Map();
  return (t) => {
    if (!known.has(t)) {
      if (known.size > 1) known.delete(Math.min(...known.keys()));
      known.set(t, compute(t));
    }
    return known.get(t);
  };
}

// Runs of explained frames sound, each fading inside its own time.
function gateOf(length, low, runs) {
  const gate = new Float32Array(length);
  const border = (t) =>
    Math.floor(recording.first_centre + recording.hop * (t - 0.5)) - low;
  runs.forEach(([first, last], run) => {
    const start = run === 0 ? 0 : border(first);
    const stop = run === runs.length - 1 ? length : border(last);
    const fade = Math.min(Math.round(FADE * recording.rate), Math.floor((stop - start) / 2));
    for (let i = start; i < stop; i++) {
      const inner = Math.min(i - start, stop - 1 - i);
      gate[i] = inner < fade ? 0.5 - 0.5 * Math.cos((Math.PI * (inner + 0.5)) / fade) : 1;
    }
  });
  return gate;
}

// One sound at a time; onTime is told where it is, onEnd that it is over.
const player = {
  source: null,
  context: null,
  play(samples, onTime, onEnd) {
    this.stop();
    this.context ??= new AudioContext();
    this.context.resume();
    const buffer = this.context.createBuffer(1, Math.max(samples.length, 1), recording.rate);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.context.destination);
    const began = this.context.currentTime;
    const follow = () => {
      if (this.source !== source) return;
      onTime(Math.min(this.context.currentTime - began, buffer.duration));
      requestAnimationFrame(follow);
    };
    source.onended = () => {
      if (this.source === source) this.source = null;
      onEnd();
    };
    this.source = source;
    source.start();
    follow();
  },
  stop() {
    const { source } = this;
    this.source = null;
    source?.stop();
  },
};

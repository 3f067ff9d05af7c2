"use strict";
// A passage is a stretch of the recording that is asked about: an explanation
// or a segment of explanation.json, with its numbers, or a span that somebody
// chose, with numbers computed here.

function passageOfExplanation(entry) {
  const z = Float64Array.from(entry.atoms, (atom) => atom.z);
  const whole = framesOf(entry.start, entry.end);
  const found = recording.spans[entry.class]
    .map(([start, end]) => framesOf(start, end))
    .map(([first, last]) => [Math.max(first, whole[0]), Math.min(last, whole[1])])
    .filter(([first, last]) => first < last);
  return {
    className: entry.class,
    start: entry.start,
    end: entry.end,
    runs: whole[1] - whole[0] === entry.frames ? [whole] : found,
    z,
    error: entry.reconstruction_error,
    logits: { [entry.class]: entry.logit_mean },
    relevances: { [entry.class]: entry.atoms.map((atom) => atom.relevance) },
    selected: entry.atoms.filter((atom) => atom.selected).map((atom) => atom.index),
    grounding: numbers.groundings[numbers.explanations.indexOf(entry)],
    exact: true,
  };
}

function passageOfSegment(entry) {
  const z = new Float64Array(recording.n_atoms);
  for (const [atom, mean] of Object.entries(entry.z)) z[atom] = mean;
  return {
    className: entry.class,
    start: entry.start,
    end: entry.end,
    runs: [framesOf(entry.start, entry.end)],
    z,
    error: entry.reconstruction_error,
    logits: entry.logit_means,
    relevances: {},
    selected: entry.selected,
    grounding: null,
    exact: true,
  };
}

function passageOfSpan(className, start, end) {
  const [first, last] = framesOf(start, end);
  if (first >= last) return null;
  const z = new Float64Array(recording.n_atoms);
  for (let i = sounding.offsets[first]; i < sounding.offsets[last]; i++) {
    z[sounding.atoms[i]] += sounding.values[i] / (last - first);
  }
  let sound = 0;
  let rest = 0;
  for (let t = first; t < last; t++) {
    sound += energy[2 * t];
    rest += energy[2 * t + 1];
  }
  return {
    className,
    start,
    end,
    runs: [[first, last]],
    z,
    error: sound > 0 ? Math.sqrt(rest / sound) : null,
    logits: {},
    relevances: {},
    selected: null,
    grounding: null,
    exact: false,
  };
}

// What each atom adds to the sum of a class on a passage: z times theta.
function explain(passage, className) {
  const c = classes.indexOf(className);
  const relevance =
    passage.relevances[className] || Array.from(passage.z, (z, k) => z * theta[c][k]);
  const total = relevance.reduce((sum, r) => sum + r, bias[c]);
  const ours = className === passage.className && passage.selected;
  const chosen = selectAtoms(passage, className, relevance);
  const selected = ours || chosen;
  return {
    className,
    relevance,
    bias: bias[c],
    logit: passage.logits[className] ?? total,
    selected,
    // Whose atoms these are, all that sound; null where chosen otherwise.
    source: own && selected.join() === chosen.join() ? sourceOf(className) : null,
  };
}

// What is shown and heard, chosen as in explanation.json: the class's own atoms
// that sound, or of shared atoms the strongest.
function selectAtoms(passage, className, relevance) {
  return own ? own[className].filter((k) => passage.z[k] > 0) : strongAtoms(relevance);
}

// The atoms that add more than a share of what the strongest adds.
function strongAtoms(relevance) {
  const strongest = Math.max(...relevance);
  if (strongest <= 0) return [];
  return relevance.flatMap((r, k) => (r / strongest > recording.tau ? [k] : []));
}

// The atoms that carry the decision: where the chosen ones are a source, whatever
// they add, the strongest of all.
function decidingAtoms(why) {
  return why.source ? strongAtoms(why.relevance) : why.selected;
}

// Atoms of overlap are speech's, too: whose they are says the smaller set.
const fewestFirst = own && [...classes].sort((a, b) => own[a].length - own[b].length);

// Whose sound an atom is, if one class's.
function ownerOf(k) {
  return fewestFirst?.find((name) => own[name].includes(k)) ?? null;
}

// Whose atoms a class has: overlap has those of speech, if none of its own.
function sourceOf(className) {
  return own[className].length ? ownerOf(own[className][0]) : className;
}

function logitOfThreshold(className) {
  const p = thresholds[className];
  return p > 0 && p < 1 ? Math.log(p / (1 - p)) : null;
}

function byPeak(atoms) {
  return [...atoms].sort((a, b) => (peaks[a] ?? Infinity) - (peaks[b] ?? Infinity));
}

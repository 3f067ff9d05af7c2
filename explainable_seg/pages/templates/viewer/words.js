"use strict";
// Numbers and answers in words.

const MINUS = "\u2212";
const NO_BREAK = "\u00a0";

function signed(value) {
  return (value < 0 ? MINUS : "+") + Math.abs(value).toFixed(2);
}

function percent(share) {
  return Math.round(100 * share) + NO_BREAK + "%";
}

function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  return minutes + ":" + (seconds - 60 * minutes).toFixed(1).padStart(4, "0");
}

function list(words) {
  if (words.length < 2) return words.join("");
  return words.slice(0, -1).join(", ") + " and " + words[words.length - 1];
}

// Where atoms peak, of which some may be too low to be heard, or zero.
function peakPlaces(atoms) {
  const peaking = atoms.filter((k) => peaks[k] !== null);
  const names = [...new Set(peaking.map((k) => recording.peak_names[k]))].slice(0, 3);
  const low = names.filter((name) => name.startsWith("below"));
  const heard = names.filter((name) => !low.includes(name));
  return [...(heard.length ? ["at " + list(heard)] : []), ...low].join(" and ");
}

function placeOf(passage) {
  return `${passage.start.toFixed(2)} to ${passage.end.toFixed(2)} s`;
}

function question(passage, why) {
  const what = isFound(why) ? why.className : `not ${why.className}`;
  return `Why ${what}? ${placeOf(passage)}`;
}

function isFound(why) {
  const limit = logitOfThreshold(why.className);
  return why.logit > (limit ?? 0);
}

// The answer: is it found, by how much, which frequencies, which atoms. Of the
// signs that were measured, closeness tells wrong answers from right ones, and
// how well the atoms rebuild the sound does not.
function answer(passage, why) {
  const limit = logitOfThreshold(why.className) ?? 0;
  const only = isFound(why) ? "" : "only ";
  const isClose = Math.abs(why.logit - limit) < recording.close;
  const score =
    `The score of ${why.className} is ${only}${signed(why.logit)} here, on average; ` +
    `${signed(limit)} is needed.${isClose ? " That is close: trust this answer with care." : ""}`;
  const total = why.relevance.reduce((all, r) => all + Math.max(r, 0), 0);
  if (total <= 0) return `${score} Nothing speaks for it.`;
  const strongest = [...decidingAtoms(why)].sort((a, b) => why.relevance[b] - why.relevance[a]);
  const places = peakPlaces(strongest);
  return (
    `${score} What speaks for it ${places ? `sounds mostly ${places}` : "has no frequency"}${strongestWords(strongest)}: ` +
    `${keptWords(why, total)}. ${bandSentence(passage, why)}${against(why, total)}`
  );
}

// The strongest atom, in the words of the table.
function strongestWords([k]) {
  if (k === undefined || peaks[k] === null) return "";
  return `, most of all ${recording.atom_sounds[k]}`;
}

// How much of what speaks for a class the atoms carry that are shown and heard.
function keptWords(why, total) {
  const n = why.selected.length;
  if (why.source && n === 0) return `no atom of ${why.source} sounds here`;
  const kept = why.selected.reduce((all, k) => all + Math.max(why.relevance[k], 0), 0);
  const atoms = why.source
    ? `the ${n === 1 ? "atom" : `${n} atoms`} of ${why.source} that ${n === 1 ? "sounds" : "sound"} here`
    : `${n} of ${recording.n_atoms} atoms`;
  return `${atoms} ${n === 1 ? "carries" : "carry"} ${percent(kept / total)} of it`;
}

// Shares of the bands in what speaks for a class, beside the rebuilt sound.
function bandSentence(passage, why) {
  const evidence = bandShares((k) => {
    const spectrum = spectrumOf(k);
    const total = spectrum.reduce((sum, w) => sum + w, 0);
    return total > 0 ? Math.max(why.relevance[k], 0) / total : 0;
  });
  const sound = bandShares((k) => passage.z[k]);
  const best = evidence.indexOf(Math.max(...evidence));
  return (
    `${percent(evidence[best])} of it lies ${recording.bands[best].place} ` +
    `(of the whole sound, as the atoms rebuild it, ${percent(sound[best])}).`
  );
}

// Why not: what speaks against it, where that is more than what speaks for it.
function against(why, total) {
  const order = [...why.relevance.keys()].sort((a, b) => why.relevance[a] - why.relevance[b]);
  const loudest = order.slice(0, 3).filter((k) => why.relevance[k] < 0);
  const sum = why.relevance.reduce((all, r) => all + Math.min(r, 0), 0);
  if (isFound(why) || loudest.length === 0) return "";
  const places = peakPlaces(loudest);
  const more = -sum > total ? "More speaks" : "Also, something speaks";
  return ` ${more} against it (${signed(sum)}, for it ${signed(total)})${places && `, most ${places}`}.`;
}

function bandShares(amountOf) {
  const step = recording.top_hz / (recording.n_bins - 1);
  const sums = recording.bands.map(() => 0);
  for (let k = 0; k < recording.n_atoms; k++) {
    const amount = amountOf(k);
    if (amount === 0) continue;
    spectrumOf(k).forEach((w, f) => {
      const band = recording.bands.findIndex(({ high }) => f * step < high);
      sums[band < 0 ? sums.length - 1 : band] += amount * w;
    });
  }
  const total = sums.reduce((all, sum) => all + sum, 0);
  return sums.map((sum) => sum / total);
}

function groundingWords(passage) {
  const { error, grounding } = passage;
  if (error === null) return "This is digital silence: there is no sound to rebuild.";
  const share = percent(Math.max(0, 1 - error * error));
  let words =
    `Their error is ${error.toFixed(2)} (0 is perfect, 1 is nothing): they account for ${share} of the spectrogram.`;
  if (grounding?.best_error != null) {
    words += ` The best that this dictionary does here, without deciding anything, is ${grounding.best_error.toFixed(2)}.`;
  }
  if (grounding?.agreement != null && grounding.control_agreement != null) {
    words +=
      ` The atoms in use agree by ${grounding.agreement.toFixed(2)} with those that the sound alone would call for` +
      ` (1 is full agreement); with scrambled atoms it is ${grounding.control_agreement.toFixed(2)}.`;
  }
  return words;
}

"use strict";
// The table of atoms, sorted by peak frequency.

const MOST_FOR = 9;
const MOST_AGAINST = 3;

// The strongest for and against, or all that sound.
function shownAtoms(why, all) {
  const order = [...why.relevance.keys()].sort((a, b) => why.relevance[b] - why.relevance[a]);
  if (all) return byPeak(order.filter((k) => why.relevance[k] !== 0));
  const deciding = new Set(decidingAtoms(why));
  const speakFor = order.filter((k) => deciding.has(k)).slice(0, MOST_FOR);
  const against = order.reverse().filter((k) => why.relevance[k] < 0).slice(0, MOST_AGAINST);
  return byPeak([...speakFor, ...against]);
}

function cell(kind, text) {
  const made = document.createElement("td");
  made.className = kind;
  made.textContent = text;
  return made;
}

function spectrumPicture(k) {
  const rows = rowsOf(k);
  const top = Math.max(...rows, 1e-9);
  const points = Array.from(rows, (value, r) => `${r},${(20 - (20 * value) / top).toFixed(1)}`);
  const template = document.createElement("template");
  template.innerHTML =
    `<svg class="spectrum" viewBox="0 0 ${rows.length - 1} 20" preserveAspectRatio="none" aria-hidden="true">` +
    `<polygon points="0,20 ${points.join(" ")} ${rows.length - 1},20"/></svg>`;
  return template.content.firstChild;
}

// What the atom sounds like; the figures behind the words are its hint.
function soundWords(k) {
  const words = document.createElement("button");
  words.type = "button";
  words.className = "term";
  words.textContent = recording.atom_sounds[k];
  words.dataset.words = recording.atom_evidence[k];
  words.setAttribute("aria-description", recording.atom_evidence[k]);
  return words;
}

function atomRow(passage, why, k, strongest, onHear) {
  const row = document.createElement("tr");
  row.dataset.atom = k;
  const value = why.relevance[k];
  if (!why.selected.includes(k)) row.className = "unselected";
  const hear = document.createElement("button");
  hear.type = "button";
  hear.className = "hear-atom";
  hear.textContent = recording.peak_names[k];
  hear.setAttribute("aria-label", `Hear atom ${k}, ${recording.peak_names[k]}, alone`);
  hear.addEventListener("click", () => onHear(k, hear));
  const peak = cell("", "");
  peak.append(hear);
  const spectrum = cell("wide", "");
  spectrum.append(spectrumPicture(k));
  const weight = theta[classes.indexOf(why.className)][k];
  const product = `${passage.z[k].toFixed(3)} \u00d7 ${signed(weight)}`;
  const bar = cell("bar", "");
  const track = document.createElement("span");
  track.className = "bar-track";
  track.append(part(value > 0 ? "" : "against", 0, (100 * Math.abs(value)) / strongest));
  bar.append(soundWords(k), track);
  row.append(peak, spectrum, cell("wide number", product), cell("number adds", signed(value)), bar);
  if (own) peak.after(cell("owner", ownerOf(k) ?? "other"));
  return row;
}

function drawAtoms(passage, why, all, onHear) {
  const strongest = Math.max(...why.relevance.map(Math.abs), 1e-12);
  const rows = shownAtoms(why, all).map((k) => atomRow(passage, why, k, strongest, onHear));
  byId("atoms").tBodies[0].replaceChildren(...rows);
}

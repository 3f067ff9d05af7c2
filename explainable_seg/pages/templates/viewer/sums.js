"use strict";
// The scores of all classes on a passage: stacked bars of atoms, low to high.

function part(kind, left, width, words) {
  const block = document.createElement("i");
  block.className = kind;
  block.style.left = left + "%";
  block.style.width = Math.max(width, 0) + "%";
  if (words) block.dataset.words = words;
  return block;
}

// Ends of the bar: the start, the furthest point, the score.
function reachOf(why) {
  const positive = why.relevance.reduce((sum, r) => sum + Math.max(r, 0), 0);
  return { start: why.bias, top: why.bias + positive, end: why.logit, positive };
}

function stackedBar(why, low, high) {
  const percentOf = (value) => (100 * (value - low)) / (high - low);
  const widthOf = (value) => (100 * value) / (high - low);
  const bar = document.createElement("div");
  bar.className = "stack";
  bar.setAttribute("aria-hidden", "true");
  const atoms = byPeak(why.relevance.keys());
  const { start, top } = reachOf(why);
  bar.append(part("start", Math.min(percentOf(0), percentOf(start)), Math.abs(widthOf(start)),
    `Start (bias): ${signed(start)}`));
  let right = start;
  for (const k of atoms.filter((k) => why.relevance[k] > 0)) {
    bar.append(part(why.selected.includes(k) ? "for" : "for faint", percentOf(right),
      widthOf(why.relevance[k]), atomWords(why, k)));
    right += why.relevance[k];
  }
  let left = top;
  for (const k of atoms.filter((k) => why.relevance[k] < 0).reverse()) {
    left += why.relevance[k];
    bar.append(part("against", percentOf(left), widthOf(-why.relevance[k]), atomWords(why, k)));
  }
  const limit = logitOfThreshold(why.className);
  if (limit !== null) bar.append(part("limit", percentOf(limit), 0, `Threshold: ${signed(limit)}`));
  bar.append(part("zero", percentOf(0), 0), part("end", percentOf(why.logit), 0, `Score: ${signed(why.logit)}`));
  return bar;
}

function atomWords(why, k) {
  const owner = ownerOf(k);
  return `Atom ${k}${owner ? ` of ${owner}` : ""}, strongest at ${recording.peak_names[k]}: adds ${signed(why.relevance[k])} to ${why.className}`;
}

function sumRow(why, low, high, chosen, onChoose) {
  const row = document.createElement("div");
  row.className = "sum-row" + (chosen ? " is-chosen" : "");
  row.dataset.class = why.className;
  row.style.setProperty("--class", `var(--${why.className})`);
  const { start, positive, end } = reachOf(why);
  const words = document.createElement("button");
  words.type = "button";
  words.className = "sum-words";
  words.innerHTML = `<strong></strong><span class="number"></span>`;
  words.firstChild.textContent = why.className;
  words.lastChild.textContent =
    `start ${signed(start)}, for ${signed(positive)}, against ${signed(end - start - positive)}, score ${signed(end)}: ` +
    (isFound(why) ? "found" : "not found");
  words.addEventListener("click", () => onChoose(why.className));
  row.append(words, stackedBar(why, low, high));
  return row;
}

function drawSums(passage, className, onChoose) {
  const all = classes.map((name) => explain(passage, name));
  const ends = all.flatMap((why) => Object.values({ ...reachOf(why), positive: 0 }));
  const low = Math.min(0, ...ends);
  const high = Math.max(0, ...ends);
  const margin = 0.02 * (high - low);
  byId("sums").replaceChildren(
    ...all.map((why) => sumRow(why, low - margin, high + margin, why.className === className, onChoose)),
  );
}

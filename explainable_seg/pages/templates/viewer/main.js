"use strict";
// What is asked about now, and all that follows from it.

const state = { passage: null, className: null, allAtoms: false };

function choose(passage, className) {
  player.stop();
  Object.assign(state, { passage, className });
  byId("span-start").value = passage.start.toFixed(2);
  byId("span-end").value = passage.end.toFixed(2);
  markChosen(passage);
  render();
}

function chooseSegment(className, start, end) {
  const entry = numbers.segments.find(
    (segment) => segment.class === className && segment.start === start && segment.end === end,
  );
  regions.clearRegions();
  choose(entry ? passageOfSegment(entry) : passageOfSpan(className, start, end), className);
}

function chooseSpan(start, end) {
  const passage = passageOfSpan(state.className, start, end);
  if (passage) choose(passage, state.className);
}

function chooseClass(className) {
  player.stop();
  state.className = className;
  render();
}

function render() {
  const { passage, className } = state;
  const why = explain(passage, className);
  byId("why").style.setProperty("--class", `var(--${className})`);
  byId("why-title").textContent = question(passage, why);
  byId("asked").textContent = `${question(passage, why)} \u2193`;
  byId("lead").textContent = answer(passage, why);
  byId("grounding").textContent = groundingWords(passage);
  byId("inside").textContent = why.source ? `Only the ${why.source} atoms` : "Only what speaks for it";
  byId("which").textContent = why.source ?? "chosen";
  byId("exactness").textContent = passage.exact
    ? "These numbers are exact, as the model computed them."
    : "You chose this span: its numbers are computed here from rounded activations.";
  for (const tab of byId("classes").children) {
    tab.setAttribute("aria-pressed", tab.dataset.class === className);
  }
  drawSums(passage, className, chooseClass);
  drawAtoms(passage, why, state.allAtoms, (k, button) => hear([k], "inside", button));
  redraw();
}

function redraw() {
  const { passage, className } = state;
  const why = explain(passage, className);
  const canvas = byId("picture");
  drawPassage(canvas, passage, why.selected, recording.colours[className]);
  canvas.setAttribute("aria-label", `Spectrogram of ${placeOf(passage)}. ${answer(passage, why)}`);
  byId("picture-ticks").replaceChildren(
    ...[0, 0.5, 1].map((share) => {
      const label = document.createElement("span");
      label.textContent = clock(passage.start + share * (passage.end - passage.start));
      return label;
    }),
  );
}

// The sounds of a passage that were made last.
const heard = { passage: null, atoms: null, sounds: null };

async function soundsOnce(passage, atoms) {
  if (heard.passage !== passage || heard.atoms !== atoms.join()) {
    const sounds = await soundsOf(passage, atoms);
    Object.assign(heard, { passage, atoms: atoms.join(), sounds });
  }
  return heard.sounds;
}

async function hear(atoms, kind, button) {
  if (button.getAttribute("aria-pressed") === "true") {
    player.stop();
    return;
  }
  wave.pause();
  const { passage } = state;
  button.setAttribute("aria-busy", "true");
  try {
    const sounds = await soundsOnce(passage, atoms);
    player.play(
      sounds[kind],
      (seconds) => showTime(passage.start + seconds, passage),
      () => button.setAttribute("aria-pressed", "false"),
    );
    button.setAttribute("aria-pressed", "true");
  } catch (error) {
    byId("trouble").textContent = `This browser cannot play the sound: ${error.message}`;
  } finally {
    button.removeAttribute("aria-busy");
  }
}

// The explanations that were asked for, beside the lanes of their classes.
function startAsked() {
  for (const entry of numbers.explanations) {
    const button = document.createElement("button");
    const passage = passageOfExplanation(entry);
    button.type = "button";
    button.className = "ask-all";
    button.textContent = passage.runs.length > 1 ? "explain all of it" : `explain ${placeOf(passage)}`;
    button.addEventListener("click", () => {
      regions.clearRegions();
      choose(passage, entry.class);
    });
    byId("lane-" + entry.class).firstElementChild.append(button);
  }
}

function startTabs() {
  byId("classes").replaceChildren(
    ...classes.map((name) => {
      const tab = document.createElement("button");
      tab.type = "button";
      tab.textContent = name;
      tab.dataset.class = name;
      tab.style.setProperty("--class", `var(--${name})`);
      tab.addEventListener("click", () => chooseClass(name));
      return tab;
    }),
  );
}

function startPlaying() {
  const button = byId("play");
  button.addEventListener("click", () => {
    player.stop();
    wave.playPause();
  });
  wave.on("play", () => { button.textContent = "Pause"; });
  wave.on("pause", () => { button.textContent = "Play"; });
  wave.on("timeupdate", (seconds) => showTime(recording.start + seconds, state.passage));
}

function startForms() {
  byId("span-form").addEventListener("submit", (event) => {
    event.preventDefault();
    regions.clearRegions();
    chooseSpan(+byId("span-start").value, +byId("span-end").value);
  });
  byId("all-atoms").addEventListener("click", (event) => {
    state.allAtoms = !state.allAtoms;
    event.target.setAttribute("aria-pressed", state.allAtoms);
    render();
  });
  for (const button of byId("hear").querySelectorAll("[data-sound]")) {
    button.addEventListener("click", () => {
      const why = explain(state.passage, state.className);
      hear(why.selected, button.dataset.sound, button);
    });
  }
}

// The first answer: the span that was asked for, else the longest segment of
// what was, or of anything; where nothing was found, why no speech.
function chooseFirst() {
  const asked = numbers.explanations[0];
  const passage = asked && passageOfExplanation(asked);
  if (passage?.runs.length === 1) return choose(passage, asked.class);
  const longest = numbers.segments
    .filter((segment) => !asked || segment.class === asked.class)
    .reduce((best, segment) => (!best || segment.frames > best.frames ? segment : best), null);
  if (longest) return chooseSegment(longest.class, longest.start, longest.end);
  const end = recording.start + recording.duration;
  return choose(passage ?? passageOfSpan(classes[0], recording.start, end), classes[0]);
}

async function start() {
  startHints();
  startTabs();
  startAsked();
  startLanes(chooseSegment);
  startDragging(chooseSpan);
  startPlaying();
  startForms();
  drawHzTicks(byId("track-hz"));
  drawHzTicks(byId("picture-hz"));
  zoom.start();
  await loadTiles();
  chooseFirst();
  showTime(recording.start, state.passage);
  darkTheme.addEventListener("change", redraw);
  document.documentElement.dataset.ready = "true";
}

start();

"use strict";
// Every symbol in plain words, on hover, focus or tap. Escape closes.

// Overlap has the atoms of speech.
const BORROWED = classes
  .filter((name) => own && sourceOf(name) !== name)
  .map((name) => `; ${name} has those of ${sourceOf(name)}`)
  .join("");

const HINTS = {
  found: "A coloured block: the model decided that the class is there.",
  reference: "A thin bar: what people, or the maker of the recording, wrote down as the truth.",
  probability: "How sure the model is, from 0 (bottom of the lane) to 1 (top), 50 times a second.",
  threshold: "The class counts as found where its probability, or its score, passes this line. It was tuned on other recordings.",
  atom: "A short typical sound spectrum that the model has learned, such as the hum of a voice or a bright hiss. The model hears every sound as a mixture of a few atoms.",
  score: "Everything that speaks for a class minus everything against it (its logit). 0 means 50 %, +2 about 88 %, \u22122 about 12 %.",
  pale: own
    ? `Strong colour: the atoms in the picture and in the sound, all of the class\u2019s own that sound unless others were asked for${BORROWED}. Pale: the others, which add to its score too.`
    : "Strong colour: the atoms that carry the decision, in the picture and in the sound. Pale: the many that add a little each.",
  bias: "Where the score starts before anything is heard (the bias).",
  adds: "What the atom adds to the score, on average over this stretch (its relevance): how loud it is here (z) times its weight for the class (\u03b8). Below zero it speaks against the class.",
  z: "z: how much of this atom is in the sound here, on average.",
  theta: "\u03b8 (theta): how strongly this atom speaks for the class, or against it below zero. It is the same in every recording.",
  peak: "The frequency where the atom is strongest. Low is deep, as 100 Hz of a male voice; high is bright, as 5 kHz of an s.",
  sound: "What the shape of the atom says in words; press or point at them for the figures. They are read from the spectrum alone and name no instrument or person. The bar is what the atom adds.",
  spectrum: "The shape of the atom: low frequencies left, high frequencies right.",
  error: "The score is exactly the sum of what the atoms add. This says how much of the real sound the atoms stand for, not whether the decision is right.",
  owner: "Whose sound the atom was learned from. An atom of one class may speak for another one, or against it.",
  masks: `Each point of the spectrogram is shared out among the atoms. ${own
    ? `The coloured atoms keep their share (mask-in): all of the class\u2019s own that sound, for it or against it, unless others were asked for${BORROWED}`
    : "\u201cOnly what speaks for it\u201d keeps the share of the coloured atoms (mask-in)"}. \u201cThe rest\u201d is what is left (mask-out). Together they are the sound.`,
};

let explained = null; // what the hint that is open is about

function placeHint() {
  const hint = byId("hint");
  const box = explained.getBoundingClientRect();
  const left = Math.min(box.left, document.documentElement.clientWidth - hint.offsetWidth - 8);
  const above = box.top - hint.offsetHeight - 8;
  hint.style.left = Math.max(8, left) + "px";
  hint.style.top = (above > 8 ? above : box.bottom + 8) + "px";
}

function openHint(event) {
  const target = event.target.closest?.("[data-hint], [data-words]");
  if (!target) return;
  explained = target;
  byId("hint").textContent = target.dataset.words ?? HINTS[target.dataset.hint];
  byId("hint").hidden = false;
  placeHint();
}

function closeHint() {
  explained = null;
  byId("hint").hidden = true;
}

function startHints() {
  for (const term of document.querySelectorAll("[data-hint]")) {
    term.setAttribute("aria-description", HINTS[term.dataset.hint]);
  }
  for (const kind of ["pointerover", "focusin", "click"]) document.addEventListener(kind, openHint);
  for (const kind of ["pointerout", "focusout"]) document.addEventListener(kind, closeHint);
  document.addEventListener("keydown", (event) => event.key === "Escape" && closeHint());
  addEventListener("scroll", () => explained && placeHint(), { passive: true });
}

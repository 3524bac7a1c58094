// The line that says why the server did not answer as it should, and what to do. The page stays.
"use strict";

const troubleLine = document.getElementById("trouble");

// `kind` names a template of the line; `tryAgain` is called by its button.
function showTrouble(kind, tryAgain) {
  const copyOf = (name) => document.querySelector(`template[data-trouble="${name}"]`).content.cloneNode(true);
  troubleLine.replaceChildren(copyOf(kind), copyOf("again"));
  troubleLine.querySelector("button").addEventListener("click", tryAgain);
}

// What is wrong with an answer that is not the expected one.
function troubleOf({ status }, text) {
  if (text.includes(`data-page="${troubleLine.dataset.signIn}"`)) return "signed-out";
  return status === 403 ? "forbidden" : "broken";
}

// What the pages do beyond HTML and htmx: keys, and the way back. Everything works without it.
"use strict";

const search = () => document.querySelector("main input[type=search]");
const all = (selector) => [...document.querySelectorAll(selector)];

function results() {
  const links = all("main .links a, main tbody th[scope=row] > a");
  return links.length ? links : all("main .pick input");
}

function step(event, by) {
  const found = results();
  const now = found.indexOf(document.activeElement);
  if (now < 0 && document.activeElement !== search()) return;
  event.preventDefault();
  (found[now + by] ?? (by < 0 ? search() : found.at(-1)))?.focus();
}

const keys = {
  "ArrowDown": (event) => step(event, 1),
  "ArrowUp": (event) => step(event, -1),
  "Enter": (event) => {
    if (!event.target.matches(".pick input")) return;
    event.preventDefault();
    event.target.click();
  },
  "Escape": (event) => {
    if (results().includes(event.target)) search()?.focus();
  },
  "/": (event) => {
    if (writing(event.target)) return;
    event.preventDefault();
    if (search()) search().select();
    else location.assign(document.querySelector(".brand").href);
  },
  "?": (event) => {
    if (!writing(event.target)) document.getElementById("keys")?.togglePopover();
  },
};

const writing = (element) => element.matches("input:not([type=checkbox]), select, textarea");

document.addEventListener("keydown", (event) => {
  if (!event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing) keys[event.key]?.(event);
});

// What is typed in one go is one step back, to what was found before: its first answer is a new entry of the browser's
// history, and those after it take its place. Leaving the field, Enter, a choice or a pause ends it.
const PAUSE = 2000;
let settled = true;
let typed = 0;
document.addEventListener("input", ({ timeStamp }) => {
  settled ||= timeStamp - typed > PAUSE;
  typed = timeStamp;
});
document.addEventListener("change", () => { settled = true; });
document.addEventListener("htmx:before:history:update", ({ detail: { history: entry } }) => {
  const isNew = entry.path !== location.pathname + location.search && settled;
  if (isNew) {
    keepFocus(document.activeElement);
    settled = false;
  }
  entry.type = isNew ? "push" : "replace";
});

// Who comes back to a page is where they left it.
function keepFocus(element) {
  const at = element.id ? `#${CSS.escape(element.id)}` : `main a[href="${CSS.escape(element.getAttribute("href"))}"]`;
  history.replaceState({ ...history.state, at }, "");
}
document.addEventListener("click", ({ target }) => {
  const link = target.closest("main a[href]");
  if (link) keepFocus(link);
});
if (history.state?.at) document.querySelector(history.state.at)?.focus();

// Results that are being asked for are marked as such.
const markBusy = (busy) => document.getElementById("main").setAttribute("aria-busy", busy);
document.addEventListener("htmx:before:request", () => markBusy(true));
document.addEventListener("htmx:finally:request", () => markBusy(false));

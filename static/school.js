// What the pages do beyond HTML and htmx: keys, and no form sent twice. Everything works without it.
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

// A second click while the first is under way sends nothing. After the back button the form may be sent again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if ((event.submitter?.formMethod ?? form.method) !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => all("[data-sent]").forEach((form) => delete form.dataset.sent));

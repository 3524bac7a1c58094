// Keyboard shortcuts and the browser's history, beyond HTML and htmx. All pages work without it.
"use strict";

const search = () => document.querySelector("main input[type=search]");
const all = (selector) => [...document.querySelectorAll(selector)];

function results() {
  const links = all("main .links a, main tbody th[scope=row] > a");
  return links.length ? links : all("main .pick input");
}

function moveFocus(event, by) {
  const found = results();
  const index = found.indexOf(document.activeElement);
  if (index < 0 && document.activeElement !== search()) return;
  event.preventDefault();
  (found[index + by] ?? (by < 0 ? search() : found.at(-1)))?.focus();
}

const keys = {
  "ArrowDown": (event) => moveFocus(event, 1),
  "ArrowUp": (event) => moveFocus(event, -1),
  "Enter": (event) => {
    if (!event.target.matches(".pick input")) return;
    event.preventDefault();
    event.target.click();
  },
  "Escape": (event) => {
    if (results().includes(event.target)) search()?.focus();
  },
  "/": (event) => {
    if (isTextField(event.target)) return;
    event.preventDefault();
    if (search()) search().select();
    else location.assign(document.querySelector(".brand").href);
  },
  "?": (event) => {
    if (!isTextField(event.target)) document.getElementById("keys")?.togglePopover();
  },
};

const isTextField = (element) => element.matches("input:not([type=checkbox]), select, textarea");

document.addEventListener("keydown", (event) => {
  if (!event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing) keys[event.key]?.(event);
});

// A search pushes one entry into the browser's history, so that Back shows the previous results: its
// first answer adds the entry, later answers replace it. A change event or a pause ends the search.
const PAUSE_MS = 2000;
let searchEnded = true;
let lastInputAt = 0;
document.addEventListener("input", ({ timeStamp }) => {
  searchEnded ||= timeStamp - lastInputAt > PAUSE_MS;
  lastInputAt = timeStamp;
});
document.addEventListener("change", () => { searchEnded = true; });
document.addEventListener("htmx:before:history:update", ({ detail: { history: entry } }) => {
  const isNew = entry.path !== location.pathname + location.search && searchEnded;
  if (isNew) {
    rememberFocus(document.activeElement);
    searchEnded = false;
  }
  entry.type = isNew ? "push" : "replace";
});

// Back restores the focus of the page.
function rememberFocus(element) {
  const focus = element.id ? `#${CSS.escape(element.id)}` : `main a[href="${CSS.escape(element.getAttribute("href"))}"]`;
  history.replaceState({ ...history.state, focus }, "");
}
document.addEventListener("click", ({ target }) => {
  const link = target.closest("main a[href]");
  if (link) rememberFocus(link);
});
if (history.state?.focus) document.querySelector(history.state.focus)?.focus();

// The styles and screen readers show that results are loading.
const markBusy = (busy) => document.getElementById("main").setAttribute("aria-busy", busy);
document.addEventListener("htmx:before:request", () => markBusy(true));
document.addEventListener("htmx:finally:request", () => markBusy(false));

// htmx swaps any answer into the page. An answer that is not this page leaves it as it is.
const sendAgain = (source) => () => {
  const field = source.querySelector("input:not([type=hidden])");
  field?.dispatchEvent(new Event("input", { bubbles: true }));
  field?.focus();
};

const isThisPage = ({ status }, text) =>
  status < 500 && status !== 403 && text.includes(`data-page="${location.pathname}"`);

document.addEventListener("htmx:after:request", (event) => {
  const { sourceElement, response, text } = event.detail.ctx;
  if (isThisPage(response, text)) {
    troubleLine.replaceChildren();
  } else {
    event.preventDefault();
    showTrouble(troubleOf(response, text), sendAgain(sourceElement));
  }
});
document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (ctx) showTrouble("offline", sendAgain(ctx.sourceElement));
});

// Signing in renews the CSRF token. A page that was open before takes the new one from the cookie,
// whose name has a prefix under https.
const csrfToken = () => document.cookie.match(/(?:^|; )(?:__Host-)?csrftoken=([^;]+)/)?.[1];
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const { body } = ctx.request;
  if (body.has("csrfmiddlewaretoken") && csrfToken()) body.set("csrfmiddlewaretoken", csrfToken());
});
document.addEventListener("submit", ({ target: form, submitter }) => {
  const token = csrfToken();
  if (!token) return;
  for (const field of [submitter, ...form.querySelectorAll("input[type=hidden]")]) {
    if (field?.name === "csrfmiddlewaretoken") field.value = token;
  }
});

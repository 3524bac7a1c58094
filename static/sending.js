// Prevents sending a form twice, shows when sending takes long, and sends a form only while the
// server answers: the page with what was typed stays otherwise. All pages work without it.
"use strict";

(() => {
  const SHOW_AFTER_MS = 500;
  const GIVE_UP_AFTER_MS = 8_000;
  // Browsers have no event for a navigation that the user stopped: after this time a click counts again.
  const RELEASE_AFTER_MS = 10_000;
  const { alive: ALIVE, working: WORKING } = document.currentScript.dataset;
  // Each form being sent, with the function that restores it.
  const pending = new Map();
  // The forms whose next submit event is ours, after the server has answered.
  const ready = new WeakSet();
  const liveRegion = document.createElement("p");
  liveRegion.className = "unseen";
  liveRegion.ariaLive = "polite";
  document.body.append(liveRegion);

  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || (submitter?.formMethod || form.method) !== "post") return;
    if (ready.delete(form)) return;
    event.preventDefault();
    if (!pending.has(form)) send(form, submitter);
  });

  async function send(form, submitter) {
    form.ariaBusy = "true";
    const labelProperty = submitter?.matches("input") ? "value" : "textContent";
    const label = submitter?.[labelProperty];
    const setLabel = (text) => { if (submitter) submitter[labelProperty] = text; };
    const restore = () => {
      timers.forEach(clearTimeout);
      pending.delete(form);
      form.ariaBusy = null;
      liveRegion.textContent = "";
      setLabel(label);
    };
    const showWorking = () => {
      liveRegion.textContent = WORKING;
      setLabel(WORKING);
    };
    const timers = [setTimeout(showWorking, SHOW_AFTER_MS), setTimeout(restore, RELEASE_AFTER_MS)];
    pending.set(form, restore);

    const trouble = await findTrouble();
    if (!pending.has(form)) return;
    if (submitter && submitter.form !== form) {
      // The page was changed meanwhile.
      restore();
      return;
    }
    if (trouble) {
      restore();
      showTrouble(trouble, () => form.requestSubmit(submitter));
      return;
    }
    troubleLine.replaceChildren();
    // The label of an <input> is its value, which is sent.
    const shown = submitter?.[labelProperty];
    setLabel(label);
    ready.add(form);
    form.requestSubmit(submitter);
    setLabel(shown);
  }

  // Returns why the server cannot take a form now, or null.
  async function findTrouble() {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), GIVE_UP_AFTER_MS);
    try {
      const response = await fetch(ALIVE, { cache: "no-store", signal: controller.signal });
      const text = await response.text();
      return response.ok && text.startsWith("{") ? null : troubleOf(response, text);
    } catch {
      return "offline";
    } finally {
      clearTimeout(timer);
    }
  }

  // A page restored by the back button can send its forms again.
  addEventListener("pageshow", () => pending.forEach((restore) => restore()));
})();

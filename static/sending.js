// Prevents sending a form twice, and shows when sending takes long. All pages work without it.
"use strict";

(() => {
  const SHOW_AFTER_MS = 500;
  // Browsers have no event for a navigation that the user stopped: after this time a click counts again.
  const RELEASE_AFTER_MS = 10_000;
  const WORKING = document.currentScript.dataset.working;
  // Each form being sent, with the function that restores it.
  const pending = new Map();
  const liveRegion = document.createElement("p");
  liveRegion.className = "unseen";
  liveRegion.ariaLive = "polite";
  document.body.append(liveRegion);

  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || (submitter?.formMethod || form.method) !== "post") return;
    if (pending.has(form)) {
      event.preventDefault();
      return;
    }
    form.ariaBusy = "true";
    const labelProperty = submitter?.matches("input") ? "value" : "textContent";
    const label = submitter?.[labelProperty];
    const restore = () => {
      timers.forEach(clearTimeout);
      pending.delete(form);
      form.ariaBusy = null;
      liveRegion.textContent = "";
      if (submitter) submitter[labelProperty] = label;
    };
    const showWorking = () => {
      liveRegion.textContent = WORKING;
      if (submitter) submitter[labelProperty] = WORKING;
    };
    const timers = [setTimeout(showWorking, SHOW_AFTER_MS), setTimeout(restore, RELEASE_AFTER_MS)];
    pending.set(form, restore);
  });

  // A page restored by the back button can send its forms again.
  addEventListener("pageshow", () => pending.forEach((restore) => restore()));
})();

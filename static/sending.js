// No form is sent twice while it is under way, and one that takes long says so. Everything works without it.
"use strict";

(() => {
  const SOON = 500;
  const WORKING = document.currentScript.dataset.working;
  // What makes each form that is under way as it was before.
  const sent = new Map();
  const live = document.createElement("p");
  live.className = "unseen";
  live.ariaLive = "polite";
  document.body.append(live);

  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || (submitter?.formMethod || form.method) !== "post") return;
    if (sent.has(form)) {
      event.preventDefault();
      return;
    }
    form.ariaBusy = "true";
    const words = submitter?.matches("input") ? "value" : "textContent";
    const before = submitter?.[words];
    const timer = setTimeout(() => {
      live.textContent = WORKING;
      if (submitter) submitter[words] = WORKING;
    }, SOON);
    sent.set(form, () => {
      clearTimeout(timer);
      form.ariaBusy = null;
      live.textContent = "";
      if (submitter) submitter[words] = before;
    });
  });

  // After the back button it may be sent again.
  addEventListener("pageshow", () => {
    sent.forEach((restore) => restore());
    sent.clear();
  });
})();

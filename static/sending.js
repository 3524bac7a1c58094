// No form is sent twice while it is under way, and one that takes long says so. Everything works without it.
"use strict";

(() => {
  const SOON = 500;
  // No event tells that somebody has stopped the sending. Who clicks again after this long means it.
  const LONG = 10_000;
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
    const restore = () => {
      timers.forEach(clearTimeout);
      sent.delete(form);
      form.ariaBusy = null;
      live.textContent = "";
      if (submitter) submitter[words] = before;
    };
    const say = () => {
      live.textContent = WORKING;
      if (submitter) submitter[words] = WORKING;
    };
    const timers = [setTimeout(say, SOON), setTimeout(restore, LONG)];
    sent.set(form, restore);
  });

  // After the back button it may be sent again.
  addEventListener("pageshow", () => sent.forEach((restore) => restore()));
})();

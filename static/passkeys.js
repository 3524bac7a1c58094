// Registers and uses passkeys. Other second factors work without JavaScript.
"use strict";

for (const button of document.querySelectorAll("button[data-passkey]")) {
  const { form } = button;
  const failed = form.querySelector("[data-passkey-failed]");
  const isSupported = "parseCreationOptionsFromJSON" in (window.PublicKeyCredential ?? {});
  if (!isSupported) continue;
  form.querySelector("[data-passkey-unsupported]").remove();
  button.disabled = false;
  button.addEventListener("click", async () => {
    failed.hidden = true;
    // The code is typed in place of a passkey.
    if (form.elements.name && !form.reportValidity()) return;
    try {
      const credential = await ask(JSON.parse(button.dataset.passkey).publicKey);
      form.elements.passkey.value = JSON.stringify(credential);
      form.submit();
    } catch {
      failed.hidden = false;
    }
  });
}

function ask(options) {
  if ("user" in options) {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return navigator.credentials.create({ publicKey });
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return navigator.credentials.get({ publicKey });
}

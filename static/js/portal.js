// Copy buttons, and buttons that say that something is under way.

const COPIED_FOR_MS = 2000;

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.innerHTML;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await copy(document.getElementById(button.dataset.copy));
    button.textContent = button.dataset.wordDone;
    setTimeout(() => (button.innerHTML = label), COPIED_FOR_MS);
  });
}

for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", (event) => {
    form.setAttribute("aria-busy", "true");
    // Disabled only once its value is on its way.
    setTimeout(() => (event.submitter.disabled = true));
  });
}

// Pages without TLS have no clipboard: then the text is selected, for the keyboard.
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
  } catch {
    getSelection().selectAllChildren(element);
    document.execCommand("copy");
  }
}

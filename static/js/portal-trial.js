// The test chat of a channel: asks the assistant, and shows what the provider would get.

import { percent } from "./percent.js";

const form = document.querySelector("[data-trial]");
const state = document.querySelector("[data-trial-state]");
const result = document.querySelector("[data-trial-result]");
const part = (name) => document.querySelector(`[data-trial-${name}]`);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter ?? form.querySelector("button");
  button.disabled = true;
  form.setAttribute("aria-busy", "true");
  state.textContent = "…";
  try {
    show(await ask(new FormData(form)));
    state.textContent = "";
  } catch (problem) {
    state.textContent = problem.message || form.dataset.wordFailed;
  } finally {
    button.disabled = false;
    form.removeAttribute("aria-busy");
  }
});

async function ask(entered) {
  const response = await fetch(form.dataset.url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": entered.get("csrfmiddlewaretoken") },
    body: JSON.stringify({ message: entered.get("message") }),
  }).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (!response?.ok) throw new Error(typeof answer?.detail === "string" ? answer.detail : "");
  return answer;
}

function show(answer) {
  part("reply").textContent = answer.reply;
  const { confidence } = answer;
  part("confidence").textContent = confidence === null ? "–" : percent(confidence, document.documentElement.lang);
  part("sources").textContent = answer.sources.map((each) => each.title).join(", ") || "–";
  part("chunks").replaceChildren(...answer.chunks.map(item));
  part("json").textContent = JSON.stringify(answer.payload, null, 2);
  result.hidden = false;
}

function item(text) {
  const element = document.createElement("li");
  element.textContent = text;
  return element;
}

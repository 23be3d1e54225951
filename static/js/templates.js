/** What the server has written for scripts to fill in: scripts bring no words of their own. */

/** A copy of what a <template> holds. */
export function copyOf(name, root = document) {
  const template = root.querySelector(`template[data-template="${name}"]`);
  return template.content.firstElementChild.cloneNode(true);
}

/** A text with its `{places}` filled in. */
export function textOf(name, root, values = {}) {
  const text = root.querySelector(`template[data-text="${name}"]`).content.textContent;
  return text.replace(/\{(\w+)\}/g, (place, key) => values[key] ?? place);
}

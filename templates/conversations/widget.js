/* Answerdesk's chat for any page. The rest is loaded from where this script is. */
(() => {
  if (window.Answerdesk) return; // the tag stands twice on the page
  const script = document.currentScript;
  const started = import(new URL("{{ module|escapejs }}", script.src)).then((module) => module.start(script));
  const act = (name) => (...values) => started.then((widget) => widget[name](...values));
  window.Answerdesk = { identify: act("identify"), open: act("open"), close: act("close") };
  document.dispatchEvent(new Event("answerdesk:ready"));
})();

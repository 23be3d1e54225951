// Whoever opens the link in a browser need not press the button as well. Programs that
// only fetch it do not get here.
document.querySelector("[data-submit-at-once]").submit();

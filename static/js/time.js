/** Times as the reader's clock and language show them. */

/** The page's language, as the reader's region writes times. */
const page = document.documentElement.lang;
const lang = navigator.languages.find((each) => each.split("-")[0] === page) ?? (page || undefined);

const clock = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(lang, { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "medium" });

/** Fill a <time> element. A short one names the day alone, once it has passed. */
export function showTime(element, iso, { short = false } = {}) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return;
  const isToday = at.toDateString() === new Date().toDateString();
  element.dateTime = at.toISOString();
  element.title = full.format(at);
  if (isToday) element.textContent = clock.format(at);
  else element.textContent = short ? day.format(at) : `${day.format(at)}, ${clock.format(at)}`;
}

/** Fill all <time data-local> elements inside a node. */
export function showTimes(root) {
  for (const element of root.querySelectorAll("time[data-local]")) {
    showTime(element, element.dateTime, { short: element.dataset.local === "short" });
  }
}

/** Times as the reader's clock and language show them. */

const formats = new Map();

/** How a language writes times; as the reader's region does, where it is one of theirs. */
function formatsOf(page) {
  if (!formats.has(page)) {
    const own = navigator.languages.find((each) => each.split("-")[0] === page);
    const lang = own ?? (page || undefined);
    formats.set(page, {
      clock: new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit" }),
      day: new Intl.DateTimeFormat(lang, { day: "numeric", month: "short" }),
      full: new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "medium" }),
    });
  }
  return formats.get(page);
}

/** Fill a <time> element. A short one names the day alone, once it has passed. */
export function showTime(element, iso, { short = false, lang = document.documentElement.lang } = {}) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return;
  const { clock, day, full } = formatsOf(lang);
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

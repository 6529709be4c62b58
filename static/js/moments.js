// Shows each moment in the browser's own time zone, in the language of the page.
const format = new Intl.DateTimeFormat(document.documentElement.lang, {
  dateStyle: "medium",
  timeStyle: "short",
});
const whole = new Intl.DateTimeFormat(document.documentElement.lang, {
  dateStyle: "full",
  timeStyle: "long",
});

export function showMoments(part) {
  for (const time of part.querySelectorAll("time[data-moment]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    time.title = whole.format(at);
    time.textContent = format.format(at);
  }
}

showMoments(document);

// An import with a progress bar: the same form, its answer read line by line as it arrives.

const form = document.querySelector("form[data-import]");

form?.addEventListener("submit", async (event) => {
  if (event.submitter?.hasAttribute("data-discard")) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form));
  for (const button of form.querySelectorAll("button, input")) button.disabled = true;
  const shown = bar();
  form.after(shown);
  let last = {};
  try {
    const headers = { Accept: "application/x-ndjson" };
    const answer = await fetch(form.action, { method: "POST", body, headers });
    if (!answer.ok) throw new Error(answer.statusText);
    for await (const told of lines(answer.body)) {
      last = told;
      if ("lines" in told) shown.querySelector("progress").value = told.lines;
    }
  } catch {
    last = {};
  }
  shown.replaceWith(report(last));
  form.remove();
});

async function* lines(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

function bar() {
  const label = element("label", "progress-of-import", form.dataset.working);
  const progress = document.createElement("progress");
  progress.max = Number(form.dataset.lines);
  progress.value = 0;
  label.append(progress);
  return label;
}

function report(last) {
  const shown = document.createElement("div");
  shown.tabIndex = -1;
  const kind = last.imported ? "success" : "warning";
  const alert = element("div", `alert alert-${kind}`, last.message ?? form.dataset.lost);
  alert.setAttribute("role", "status");
  shown.append(alert);
  if (last.refused?.length) shown.append(table(last.refused));
  const link = element("a", "btn btn-primary", form.dataset.see);
  link.href = form.dataset.houses;
  const way = element("p", "actions mt-3", "");
  way.append(link);
  shown.append(way);
  for (const section of document.querySelectorAll("main > section, main > .counts")) section.remove();
  queueMicrotask(() => shown.focus());
  return shown;
}

function table(refused) {
  const scrolled = element("div", "card lines", "");
  scrolled.tabIndex = 0;
  scrolled.setAttribute("role", "group");
  scrolled.setAttribute("aria-label", form.dataset.refused);
  const made = element("table", "table mb-0", "");
  made.append(element("caption", "visually-hidden", form.dataset.refused));
  const head = made.createTHead().insertRow();
  for (const text of [form.dataset.line, form.dataset.reason]) {
    const cell = element("th", "", text);
    cell.scope = "col";
    head.append(cell);
  }
  const rows = made.createTBody();
  for (const [line, reason] of refused) {
    const row = rows.insertRow();
    row.insertCell().textContent = line;
    row.insertCell().append(element("span", "as-typed", reason));
  }
  scrolled.append(made);
  return scrolled;
}

function element(name, classes, text) {
  const made = document.createElement(name);
  made.className = classes;
  made.textContent = text;
  return made;
}

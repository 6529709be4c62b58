// Sends files as soon as they are dropped or chosen, three at a time, each with its progress.
// Without this the form sends them.
import { showMoments } from "./moments.js";

const AT_ONCE = 3;
const OVERHEAD = 2048; // bytes of a form around its file

for (const form of document.querySelectorAll("form[data-upload]")) improve(form);

function improve(form) {
  const panel = form.closest("section");
  const input = form.querySelector("input[type=file]");
  const waiting = [];
  let running = 0;

  form.classList.add("with-script");
  form.querySelector("label").classList.add("btn", "btn-primary");
  for (const element of form.querySelectorAll("[data-with-script]")) element.hidden = false;
  for (const element of form.querySelectorAll("[data-without-script]")) element.hidden = true;

  input.addEventListener("change", () => {
    take(input.files);
    input.value = "";
  });

  // A file that falls beside the form must not take the place of the page.
  let over = 0;
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      over = { dragenter: over + 1, dragleave: over - 1, drop: 0 }[kind] ?? over;
      form.classList.toggle("over", over > 0);
      if (kind === "drop") take(event.dataTransfer.files);
    });
  }

  function take(files) {
    waiting.push(...[...files].map((file) => new Sending(file, form, panel)));
    next();
  }

  function next() {
    while (running < AT_ONCE && waiting.length) {
      running += 1;
      waiting.shift().start().finally(async () => {
        running -= 1;
        next();
        if (!running) await refresh(form, panel);
      });
    }
  }
}

// One file on its way, and the line that shows it.
class Sending {
  constructor(file, form, panel) {
    this.file = file;
    this.form = form;
    this.list = panel.querySelector("[data-sending-list]");
    this.status = panel.querySelector("[data-told]");
    this.cancelled = false;
    this.request = new XMLHttpRequest();

    this.line = document.createElement("li");
    this.name = document.createElement("bdi");
    this.name.textContent = file.name;
    this.progress = document.createElement("progress");
    this.progress.max = 1;
    this.progress.value = 0;
    this.progress.setAttribute("aria-label", this.say("sending"));
    this.note = document.createElement("span");
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "btn-close";
    this.button.setAttribute("aria-label", this.say("cancel"));
    this.button.addEventListener("click", () => this.stop());
    this.line.append(this.name, this.progress, this.note, this.button);
    this.list.append(this.line);
    this.list.hidden = false;
  }

  // Resolves when the file is there, or refused.
  async start() {
    if (this.cancelled) return;
    const limit = Number(this.form.dataset.limit);
    if (this.file.size + OVERHEAD > limit) {
      this.refuse(this.form.dataset["reason-413"]);
      return;
    }
    await new Promise((resolve) => this.send(resolve));
    const answer = this.request;
    if (answer.status === 201) this.succeed();
    else if (this.cancelled) this.refuse(this.form.dataset.reasonCancelled);
    else this.refuse(reason(answer, this.form.dataset));
  }

  send(done) {
    const body = new FormData();
    body.append("file", this.file);
    this.request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      this.progress.value = event.loaded / event.total;
      this.note.textContent = percent.format(event.loaded / event.total);
    });
    this.request.addEventListener("loadend", done);
    this.request.open("POST", this.form.action);
    this.request.setRequestHeader("Accept", "application/json");
    this.request.send(body);
  }

  // The button: stops what runs, takes away what is over.
  stop() {
    if (this.line.classList.contains("refused")) {
      this.remove();
      return;
    }
    this.cancelled = true;
    if (this.request.readyState === XMLHttpRequest.UNSENT) this.remove();
    this.request.abort();
  }

  succeed() {
    this.tell(this.say("added"));
    this.remove();
  }

  refuse(why) {
    this.line.classList.add("refused");
    this.progress.remove();
    this.note.textContent = why;
    this.button.setAttribute("aria-label", this.say("dismiss"));
    this.tell(this.say("refused").replace("{reason}", () => why));
  }

  remove() {
    this.line.remove();
    this.list.hidden = !this.list.children.length;
  }

  say(which) {
    return this.form.dataset[which].replace("{name}", () => this.file.name);
  }

  // For those who do not see the line.
  tell(text) {
    const sentence = document.createElement("span");
    sentence.textContent = `${text} `;
    this.status.append(sentence);
    while (this.status.children.length > 5) this.status.firstChild.remove();
  }
}

const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" });

function reason(answer, texts) {
  if (answer.status === 400) {
    try {
      return JSON.parse(answer.responseText).message;
    } catch {
      return texts.reasonOther;
    }
  }
  if (!answer.status) return texts.reasonLost;
  return texts[`reason-${answer.status}`] ?? texts.reasonOther;
}

// Shows the list as the server has it now.
async function refresh(form, panel) {
  const answer = await fetch(form.dataset.upload);
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of ["[data-files-list]", "[data-files-count]"]) {
    const fresh = page.querySelector(part);
    if (!fresh) continue;
    panel.querySelector(part).replaceWith(fresh);
    showMoments(fresh);
  }
}

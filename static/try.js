// Sends the requests of a lesson's page and shows the answers below them.
"use strict";

const SIMPLE = new Set(["GET", "HEAD"]);

function bodyOf(form) {
  const json = form.querySelector("[data-json]");
  if (json) return { body: json.value, headers: { "Content-Type": "application/json" } };
  if (form.enctype === "multipart/form-data") return { body: new FormData(form), headers: {} };
  return { body: new URLSearchParams(new FormData(form)), headers: {} };
}

async function send(form) {
  const method = form.dataset.method;
  const { body, headers } = bodyOf(form);
  const token = form.querySelector("[data-token]");
  if (token && token.value) headers.Authorization = `Bearer ${token.value}`;
  const options = SIMPLE.has(method) ? { method, headers } : { method, headers, body };
  const response = await fetch(form.getAttribute("action"), options);
  const text = await response.text();
  keepTokens(text);
  const type = response.headers.get("Content-Type") || "";
  return `${response.status} ${response.statusText}\n${type}\n\n${text}`;
}

function keepTokens(text) {
  let answer;
  try { answer = JSON.parse(text); } catch { return; }
  for (const kind of ["access", "refresh"]) {
    const token = answer && answer[`${kind}_token`];
    if (!token) continue;
    for (const input of document.querySelectorAll(`[data-token="${kind}"]`)) input.value = token;
  }
}

for (const form of document.querySelectorAll("form.try")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const output = form.querySelector("output");
    output.textContent = "…";
    try {
      output.textContent = await send(form);
    } catch (error) {
      output.textContent = `${form.dataset.failed}: ${error.message}`;
    }
  });
}

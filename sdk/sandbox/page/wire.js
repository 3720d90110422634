// The wire log: every request of the bot and what the sandbox answered. Read while the panel is open.

import { $, el, fail } from "./dom.js";
import { getRequests } from "./api.js";
import { t } from "./i18n.js";

const KEPT = 300;
const PERIOD_MS = 1500;
let last = 0;
let timer = null;
let reading = false;

const parsed = (value) => {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
};

function block(title, value) {
  const shown = parsed(value);
  const text = typeof shown === "string" ? shown : JSON.stringify(shown ?? null, null, 2);
  return [el("h3", {}, title), el("pre", { tabIndex: 0 }, text)];
}

// What tells one request from another of the same method.
function gist(params) {
  const shown = parsed(params) ?? {};
  return shown.text ?? shown.caption ?? shown.action ?? shown.file_id ?? "";
}

function entry(request) {
  const response = parsed(request.response);
  const failed = response?.ok === false || response?.error || request.status >= 400;
  const parts = [
    ["params", request.params],
    ["ignored", request.ignored],
    ["response", request.response],
  ];
  const open = ({ target }) =>
    target.open &&
    target.childElementCount === 1 &&
    target.append(
      ...parts.flatMap(([title, value]) =>
        value?.length === 0 || value === undefined ? [] : block(t(title), value),
      ),
    );
  const node = el(
    "li",
    { class: failed ? "failed" : "", testid: "request" },
    el(
      "details",
      { ontoggle: open },
      el(
        "summary",
        {},
        el("span", { class: "number" }, request.n),
        el("code", {}, request.method),
        el("span", {}, String(gist(request.params))),
        failed && el("em", {}, response?.error_code ?? request.status ?? "!"),
      ),
    ),
  );
  node.dataset.method = request.method;
  return node;
}

async function read() {
  if (reading || $("wire").hidden) return;
  reading = true;
  clearTimeout(timer);
  try {
    const { requests } = await getRequests(last);
    const list = $("wire-list");
    for (const request of requests) {
      last = Math.max(last, request.n);
      list.prepend(entry(request));
    }
    while (list.childElementCount > KEPT) list.lastElementChild.remove();
  } catch (error) {
    if (error.status) fail(error);
  }
  reading = false;
  timer = setTimeout(read, PERIOD_MS);
}

function show(open) {
  $("wire").hidden = !open;
  $("wire-toggle").setAttribute("aria-expanded", open);
  $("app").classList.toggle("with-wire", open);
  if (open) read();
  else clearTimeout(timer);
}

export function resetWire() {
  last = 0;
  $("wire-list").replaceChildren();
  read();
}

export function startWire() {
  $("wire-toggle").addEventListener("click", () => show($("wire").hidden));
  $("wire-close").addEventListener("click", () => {
    show(false);
    $("wire-toggle").focus();
  });
  $("wire").addEventListener("keydown", (event) => {
    if (event.key === "Escape") $("wire-close").click();
  });
  $("wire-polls").addEventListener("change", (event) =>
    $("wire-list").classList.toggle("with-polls", event.target.checked),
  );
}

// JSON as people read it: a tree that opens and closes, with the beginning of what is closed.

import { copyText, el, iconButton } from "./dom.js";
import { t } from "./i18n.js";

const LONGEST = 60;

const isTree = (value) => typeof value === "object" && value !== null;

function brief(value) {
  const text = JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function leaf(value) {
  const kind = value === null ? "null" : typeof value;
  return el("span", { class: `json-${kind}`, dir: "auto" }, JSON.stringify(value));
}

function branch(name, value, depth) {
  const key = el("span", { class: "json-key" }, `${name}: `);
  if (!isTree(value) || Object.keys(value).length === 0)
    return el("div", { class: "json-line" }, key, isTree(value) ? JSON.stringify(value) : leaf(value));
  const fill = ({ target }) => {
    if (!target.open || target.childElementCount > 1) return;
    target.append(...children(value, depth + 1));
  };
  return el(
    "details",
    { class: "json-branch", open: depth < 1, ontoggle: fill },
    el("summary", {}, key, el("span", { class: "json-brief" }, brief(value))),
    depth < 1 ? children(value, depth + 1) : [],
  );
}

const children = (value, depth) => Object.entries(value).map(([name, one]) => branch(name, one, depth));

// A whole value, with a button that copies it.
export function jsonTree(value, label) {
  return el(
    "div",
    { class: "json", testid: "json", dir: "ltr" },
    iconButton("copy", t("copy"), () => copyText(JSON.stringify(value, null, 2), t("copied")), {
      class: "small json-copy",
    }),
    label && el("h3", {}, label),
    isTree(value) ? children(value, 0) : leaf(value),
  );
}

// Bot API text with entities → DOM. Offsets count UTF-16 units, as JavaScript strings do.

import { el, toast } from "./dom.js";
import { t } from "./i18n.js";

const SAFE = /^(https?|mailto|tel|tg):/i;
const TAGS = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code" };

function link(href, children) {
  if (!SAFE.test(href)) return el("span", {}, children);
  return el("a", { href, target: "_blank", rel: "noopener noreferrer" }, children);
}

function spoiler(children) {
  const show = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    node.classList.add("shown");
    node.removeAttribute("role");
    node.removeAttribute("aria-label");
  };
  const node = el(
    "span",
    {
      class: "spoiler",
      testid: "spoiler",
      role: "button",
      tabIndex: 0,
      "aria-label": t("spoiler"),
      onclick: show,
      onkeydown: show,
    },
    el("span", {}, children),
  );
  return node;
}

function copyable(tag, className, text, children) {
  const copy = () =>
    navigator.clipboard?.writeText(text).then(
      () => toast(t("copied")),
      () => {},
    );
  return el(tag, { class: className, onclick: copy }, children);
}

function element(entity, text, children, onCommand) {
  switch (entity.type) {
    case "bold":
    case "italic":
    case "underline":
    case "strikethrough":
      return el(TAGS[entity.type], {}, children);
    case "code":
      return copyable("code", "", text, children);
    case "pre":
      return el("pre", { "data-language": entity.language }, el("code", {}, children));
    case "spoiler":
      return spoiler(children);
    case "blockquote":
      return el("blockquote", {}, children);
    case "expandable_blockquote":
      return el(
        "blockquote",
        { class: "expandable", onclick: (event) => event.currentTarget.classList.toggle("open") },
        children,
      );
    case "text_link":
      return link(entity.url ?? "", children);
    case "url":
      return link(SAFE.test(text) ? text : `https://${text}`, children);
    case "email":
      return link(`mailto:${text}`, children);
    case "phone_number":
      return link(`tel:${text}`, children);
    case "bot_command":
      return el(
        "button",
        { type: "button", class: "inline-command", onclick: () => onCommand(text) },
        children,
      );
    case "mention":
    case "text_mention":
    case "hashtag":
    case "cashtag":
      return el("span", { class: "tag" }, children);
    default:
      return el("span", {}, children);
  }
}

// The line break after a block is the block's own end.
function plain(text, from, to, before) {
  const block = before.at(-1)?.matches?.("pre, blockquote") && text[from] === "\n";
  return text.slice(block ? from + 1 : from, to);
}

// The nodes of text[from, to): an entity that crosses the end of the one around it is cut in two.
function build(text, from, to, entities, onCommand) {
  const nodes = [];
  const queue = [...entities];
  let at = from;
  while (queue.length) {
    const entity = queue.shift();
    const start = Math.max(entity.offset, at);
    const end = Math.min(entity.offset + entity.length, to);
    if (start >= end) continue;
    if (start > at) nodes.push(plain(text, at, start, nodes));
    const inside = queue.filter((other) => other.offset < end);
    const rest = queue.filter((other) => other.offset + other.length > end);
    nodes.push(element(entity, text.slice(start, end), build(text, start, end, inside, onCommand), onCommand));
    queue.splice(0, queue.length, ...rest);
    at = end;
  }
  if (at < to) nodes.push(plain(text, at, to, nodes));
  return nodes;
}

export function formatted(text, entities, onCommand) {
  const sorted = [...(entities ?? [])].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return build(text, 0, text.length, sorted, onCommand);
}

// Bot API text with entities → DOM. Offsets count UTF-16 units, as JavaScript strings do.

import { copyText, el, icon } from "./dom.js";
import { t } from "./i18n.js";

const TAGS = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code" };
const FACE =
  /^(\p{Regional_Indicator}{2}|[#*0-9]\uFE0F?\u20E3|\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F)/u;
const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

// One to three emoji and nothing else are shown large.
export function isOnlyEmoji(text) {
  if (text.length > 60) return false;
  const list = [...letters.segment(text)].map(({ segment }) => segment);
  return list.length > 0 && list.length <= 3 && list.every((letter) => FACE.test(letter));
}

// What the page does itself with an address is a button; the rest leaves it, where that is safe.
function link(address, children, actions) {
  const { href, run } = actions.link(address);
  if (run)
    return el(
      "button",
      { type: "button", class: "inline-command", testid: "inner-link", onclick: run },
      children,
    );
  if (!href) return el("span", {}, children);
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
  return el(tag, { class: className, onclick: () => copyText(text, t("copied")) }, children);
}

function folded(children) {
  const more = el(
    "button",
    {
      type: "button",
      class: "unfold",
      testid: "unfold",
      "aria-expanded": "false",
      "aria-label": t("unfold"),
    },
    icon("down"),
  );
  const node = el("blockquote", { class: "expandable" }, children, more);
  more.addEventListener("click", () => {
    const open = node.classList.toggle("open");
    more.setAttribute("aria-expanded", open);
    more.setAttribute("aria-label", t(open ? "fold" : "unfold"));
  });
  requestAnimationFrame(() => {
    more.hidden = node.isConnected && node.scrollHeight <= node.clientHeight + 2;
  });
  return node;
}

function element(entity, text, children, actions) {
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
      return folded(children);
    case "text_link":
      return link(entity.url ?? "", children, actions);
    case "url":
      return link(/^[a-z][a-z0-9+.-]*:/i.test(text) ? text : `https://${text}`, children, actions);
    case "email":
      return link(`mailto:${text}`, children, actions);
    case "phone_number":
      return link(`tel:${text}`, children, actions);
    case "bot_command":
      return el(
        "button",
        { type: "button", class: "inline-command", onclick: () => actions.say(text) },
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
function build(text, from, to, entities, actions) {
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
    nodes.push(element(entity, text.slice(start, end), build(text, start, end, inside, actions), actions));
    queue.splice(0, queue.length, ...rest);
    at = end;
  }
  if (at < to) nodes.push(plain(text, at, to, nodes));
  return nodes;
}

export function formatted(text, entities, actions) {
  const sorted = [...(entities ?? [])].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return build(text, 0, text.length, sorted, actions);
}

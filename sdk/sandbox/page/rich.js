// Rich messages: blocks of text, lists, tables, media.

import { el, icon } from "./dom.js";
import { attached } from "./media.js";
import { kindOf } from "./keyboard.js";

const TAGS = {
  bold: "strong",
  italic: "em",
  underline: "u",
  strikethrough: "s",
  subscript: "sub",
  superscript: "sup",
  marked: "mark",
  code: "code",
};

function key(button, message, actions) {
  const kind = kindOf(button) ?? "disabled";
  return el(
    "button",
    {
      type: "button",
      class: "key",
      testid: "rich-button",
      onclick: () => actions.press(message, button, kind),
    },
    el("span", {}, inline(button.text, message, actions)),
  );
}

// RichText: a text, a list of such, or something with a text in it.
function inline(text, message, actions) {
  if (text === undefined || text === null) return [];
  if (typeof text === "string") return [text];
  if (Array.isArray(text)) return text.flatMap((part) => inline(part, message, actions));
  const inside = inline(text.text ?? text.alternative_text ?? text.expression, message, actions);
  if (TAGS[text.type]) return [el(TAGS[text.type], {}, inside)];
  if (text.type === "button") return [key(text.button, message, actions)];
  if (text.type === "bot_command")
    return [
      el(
        "button",
        { type: "button", class: "inline-command", onclick: () => actions.say(text.bot_command) },
        inside,
      ),
    ];
  if (text.type !== "url") return [el("span", { class: text.type }, inside)];
  const { href, run } = actions.link(text.url);
  if (run) return [el("button", { type: "button", class: "inline-command", onclick: run }, inside)];
  return [
    href ? el("a", { href, target: "_blank", rel: "noopener noreferrer" }, inside) : el("span", {}, inside),
  ];
}

function item(one, message, actions) {
  const mark = one.has_checkbox
    ? el("span", { class: "tick" }, one.is_checked ? icon("check") : null)
    : el("span", {}, one.label);
  return el(
    "li",
    { class: one.is_checked ? "done" : "" },
    mark,
    el("div", {}, blocks(one.blocks, message, actions)),
  );
}

function table(block, message, actions) {
  const cell = (one) =>
    el(
      one.is_header ? "th" : "td",
      { colSpan: one.colspan ?? 1, rowSpan: one.rowspan ?? 1, align: one.align },
      inline(one.text, message, actions),
    );
  return el(
    "table",
    {},
    block.cells.map((row) => el("tr", {}, row.map(cell))),
  );
}

function media(block, message, actions) {
  const { type } = block;
  const field = type === "voice_note" ? "voice" : type;
  const alone = {
    message_id: message.message_id,
    [field]: block[type],
    has_media_spoiler: block.has_spoiler,
  };
  return [
    attached(alone, actions),
    block.caption && el("small", {}, inline(block.caption.text, message, actions)),
  ];
}

const BLOCKS = {
  paragraph: (block, ...with_) => el("p", {}, inline(block.text, ...with_)),
  thinking: (block, ...with_) => el("p", { class: "thinking" }, inline(block.text, ...with_)),
  heading: (block, ...with_) =>
    el(`h${Math.min(6, (block.size ?? 1) + 1)}`, {}, inline(block.text, ...with_)),
  pre: (block, ...with_) =>
    el("pre", { "data-language": block.language }, el("code", {}, inline(block.text, ...with_))),
  footer: (block, ...with_) => el("small", {}, inline(block.text, ...with_)),
  divider: () => el("hr"),
  mathematical_expression: (block) => el("code", {}, block.expression),
  anchor: () => null,
  list: (block, ...with_) =>
    el(
      "ul",
      { class: "rich-list" },
      block.items.map((one) => item(one, ...with_)),
    ),
  blockquote: (block, ...with_) => el("blockquote", {}, blocks(block.blocks, ...with_)),
  expandable_blockquote: (block, ...with_) => el("blockquote", {}, inline(block.text, ...with_)),
  pullquote: (block, ...with_) => el("blockquote", {}, inline(block.text, ...with_)),
  collage: (block, ...with_) => blocks(block.blocks, ...with_),
  slideshow: (block, ...with_) => blocks(block.blocks, ...with_),
  table,
  details: (block, ...with_) =>
    el(
      "details",
      { open: block.is_open },
      el("summary", {}, inline(block.summary, ...with_)),
      blocks(block.blocks, ...with_),
    ),
  buttons: (block, ...with_) =>
    el(
      "div",
      { class: "key-row" },
      block.buttons.map((button) => key(button, ...with_)),
    ),
};

// What this page does not know is left out: the rest can be read.
const blocks = (list, message, actions) =>
  (list ?? []).flatMap((block) =>
    (BLOCKS[block.type] ?? (block[block.type] ? media : () => null))(block, message, actions),
  );

export const rich = (message, actions) =>
  el(
    "div",
    { class: "rich", testid: "rich", dir: message.rich_message.is_rtl ? "rtl" : "auto" },
    blocks(message.rich_message.blocks, message, actions),
  );

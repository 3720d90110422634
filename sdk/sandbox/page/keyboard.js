// The buttons under a message.

import { el, icon } from "./dom.js";
import { t } from "./i18n.js";

const KINDS = [
  "callback_data",
  "url",
  "copy_text",
  "web_app",
  "pay",
  "login_url",
  "switch_inline_query",
  "switch_inline_query_current_chat",
  "switch_inline_query_chosen_chat",
  "callback_game",
  "disabled",
];
const ICONS = { url: "link", login_url: "link", copy_text: "copy", web_app: "image" };

export const kindOf = (button) => KINDS.find((name) => button[name] !== undefined);

// "Pay ⭐ 5" and "Pay XTR 5": Telegram draws its own star there.
function label(button, kind, isPaid) {
  if (isPaid) return el("span", {}, t("receipt"));
  if (kind !== "pay") return el("span", {}, button.text);
  const pieces = button.text.split(/⭐️?|XTR/u);
  return el(
    "span",
    { class: "stars" },
    pieces.flatMap((piece, i) => (i ? [icon("star"), piece] : [piece])),
  );
}

function keyOf(message, button, context, actions) {
  const kind = kindOf(button);
  const isPaid = kind === "pay" && context.isPaid(message.message_id);
  const style = ["primary", "success", "danger"].includes(button.style) ? `style-${button.style}` : "";
  const props = { class: `key ${style}`, testid: "inline-button", dir: "auto" };
  const mark = ICONS[kind] ?? (kind?.startsWith("switch") ? "forward" : null);
  const href = kind === "url" ? actions.link(button.url) : null;
  if (kind === "url" && href?.href)
    return el(
      "a",
      { ...props, href: href.href, target: "_blank", rel: "noopener noreferrer" },
      label(button, kind),
      icon("link"),
    );
  const run = href?.run ?? (() => actions.press(message, button, kind));
  const node = el(
    "button",
    { ...props, type: "button", onclick: run },
    label(button, kind, isPaid),
    mark && icon(mark),
  );
  if (kind === "disabled") node.setAttribute("aria-disabled", "true");
  if (kind === "callback_data") node.dataset.data = button.callback_data;
  if (kind === "callback_data" && actions.isBusy(message.message_id, button.callback_data))
    setBusy(node, true);
  return node;
}

export function setBusy(button, busy) {
  button.classList.toggle("busy", busy);
  button.toggleAttribute("aria-busy", busy);
}

export function keyboard(message, context, actions) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows?.length) return null;
  return el(
    "div",
    { class: "inline-keyboard", testid: "inline-keyboard", role: "group", "aria-label": t("keyboard") },
    rows.map((row) =>
      el(
        "div",
        { class: "key-row" },
        row.map((button) => keyOf(message, button, context, actions)),
      ),
    ),
  );
}

// What stands around the text field: the bot's reply keyboard below it, and above it the message one replies to.

import { allMessages, findMessage, jump } from "./chat.js";
import { $, el, fail, focusInput, isTouch, toast } from "./dom.js";
import { t } from "./i18n.js";
import { summary } from "./message.js";

let markup = null; // the chat's, as the control API shows it
let original = null; // the message one replies to
let say = null;

// --- the reply ---

export const repliedTo = () => original?.message_id;

export function replyTo(message) {
  original = message || null;
  $("reply").hidden = !original;
  $("reply-name").textContent = original?.from?.first_name ?? "";
  $("reply-text").textContent = original ? summary(original) : "";
}

export function endReply() {
  replyTo(null);
  drawPlaceholder();
}

// When messages have gone: one of them may be the one replied to.
export function checkReply() {
  if (original && !findMessage(original.message_id)) endReply();
}

// To the message before or after the one replied to.
export function stepReply(step) {
  const messages = allMessages();
  const at = original ? messages.findIndex(({ message_id: id }) => id === repliedTo()) : messages.length;
  const next = messages[Math.max(0, at + step)];
  replyTo(next);
  if (next) jump(next.message_id);
}

// --- the keyboard ---

const isText = (button) => !Object.keys(button).some((name) => /^request_|^web_app$/.test(name));

function pressKey(button) {
  if (!isText(button)) return toast(t("notSimulated"));
  if (markup.one_time_keyboard) showKeys(false);
  say(button.text).catch(fail);
}

// A phone has room for one keyboard: its own or the bot's.
function showKeys(open) {
  $("keys").hidden = !open;
  if (open && isTouch()) $("input").blur();
  $("keys-toggle").setAttribute("aria-expanded", open);
  drawPlaceholder();
}

function toggleKeys() {
  showKeys($("keys").hidden);
  if ($("keys").hidden) $("input").focus();
}

export function drawPlaceholder() {
  const isBots = !$("keys").hidden || (markup?.force_reply && original);
  $("input").placeholder = (isBots && markup?.input_field_placeholder) || t("message");
}

function key(button) {
  return el(
    "button",
    { type: "button", class: "key", testid: "reply-button", dir: "auto", onclick: () => pressKey(button) },
    el("span", {}, button.text),
  );
}

export function setReplyMarkup(next) {
  const rows = next?.keyboard ?? [];
  const isNew = next?.message_id !== markup?.message_id;
  const wasForced = markup?.force_reply && original?.message_id === markup.message_id;
  const wasOpen = !$("keys").hidden;
  markup = next ?? null;
  $("keys-toggle").hidden = !rows.length;
  $("keys").classList.toggle("tall", !next?.resize_keyboard);
  $("keys").replaceChildren(...rows.map((row) => el("div", { class: "key-row" }, row.map(key))));
  if (isNew && next?.force_reply) replyTo(findMessage(next.message_id));
  else if (wasForced && !next?.force_reply) replyTo(null);
  const isWriting = isTouch() && $("input").value !== "";
  showKeys(rows.length > 0 && !next.used && (isNew ? !isWriting : wasOpen));
  if (isNew && next?.force_reply) $("input").focus();
}

// sender(text) sends a text as the selected user.
export function startReply(sender) {
  say = sender;
  $("keys-toggle").addEventListener("click", toggleKeys);
  $("reply-cancel").addEventListener("click", () => {
    endReply();
    focusInput();
  });
  $("input").addEventListener("focus", () => isTouch() && showKeys(false));
}

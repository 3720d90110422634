// What stands around the text field: the bot's reply keyboard below it, and above it the message one replies to or
// edits.

import { allMessages, findMessage, jump } from "./chat.js";
import { $, el, fail, focusInput, fullName, isTouch } from "./dom.js";
import { answerRequest, requestOf } from "./asks.js";
import { t } from "./i18n.js";
import { summary } from "./summary.js";

let markup = null; // the chat's, as the control API shows it
let original = null; // the message one replies to, or edits
let isEdit = false;
let say = null;

// --- the reply ---

export const repliedTo = () => (isEdit ? undefined : original?.message_id);
export const edited = () => (isEdit ? original : null);

function show(message, edits) {
  original = message || null;
  isEdit = Boolean(original) && edits;
  $("reply").hidden = !original;
  $("reply-icon").setAttribute("href", isEdit ? "#i-edit" : "#i-reply");
  $("reply-name").textContent = isEdit ? t("editing") : fullName(original?.from);
  $("reply-text").textContent = original ? summary(original) : "";
  $("reply-cancel").title = t(isEdit ? "cancelEdit" : "cancelReply");
  $("reply-cancel").setAttribute("aria-label", $("reply-cancel").title);
}

export const replyTo = (message) => show(message, false);
export const editMessage = (message) => show(message, true);

export function endReply() {
  show(null, false);
  drawPlaceholder();
}

// When messages have gone: one of them may be the one replied to.
export function checkReply() {
  if (original && !findMessage(original.message_id)) endReply();
}

// To the message before or after the one replied to.
export function stepReply(step) {
  const messages = allMessages();
  const at = original
    ? messages.findIndex(({ message_id: id }) => id === original.message_id)
    : messages.length;
  const next = messages[Math.max(0, at + step)];
  replyTo(next);
  if (next) jump(next.message_id);
}

// --- the keyboard ---

function pressKey(button) {
  if (markup.one_time_keyboard && !requestOf(button)) showKeys(false);
  if (requestOf(button)) answerRequest(button, markup.message_id).catch(fail);
  else say(button.text).catch(fail);
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
  const style = ["primary", "success", "danger"].includes(button.style) ? `style-${button.style}` : "";
  return el(
    "button",
    {
      type: "button",
      class: `key ${style}`,
      testid: "reply-button",
      dir: "auto",
      onclick: () => pressKey(button),
    },
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

// sender(text) sends a text as the selected user; cancelled() is called when an edit is given up.
export function startReply(sender, cancelled) {
  say = sender;
  $("keys-toggle").addEventListener("click", toggleKeys);
  $("reply-cancel").addEventListener("click", () => {
    if (isEdit) cancelled();
    else endReply();
    focusInput();
  });
  $("input").addEventListener("focus", () => isTouch() && showKeys(false));
}

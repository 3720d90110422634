// The list of messages of the open chat, and what happens to single messages in it.

import { $, el, fail, toast } from "./dom.js";
import { press } from "./api.js";
import { day, t } from "./i18n.js";
import { renderMessage, setBusy } from "./message.js";

const ANSWER_MS = 20000;
const ACTION_MS = 6000;

const messages = new Map();
const waiting = new Map(); // pressed buttons: "message:data" → {callbackId, timer}
const early = new Map(); // answers that came before the press call returned
let bot = null;
let userId = null;
let command = null;
let action = null;
let actionTimer = null;
let unseen = 0;
let following = true;
let lastTop = 0;
let onAction = () => {};
let onReply = null;

const isBot = (message) => message.from?.is_bot ?? message.from?.id === bot?.id;
const nodeOf = (id) => $("messages").querySelector(`[data-message-id="${id}"]`);
const keyOf = (messageId, data) => `${messageId}:${data}`;

// --- scrolling ---

// The list follows its end until the user scrolls up, and again when the user comes back to the end.
function toEnd() {
  following = true;
  $("scroller").scrollTop = $("scroller").scrollHeight;
  onScroll();
}

function onScroll() {
  const { scrollHeight, scrollTop, clientHeight } = $("scroller");
  if (scrollHeight - scrollTop - clientHeight < 40) following = true;
  else if (scrollTop < lastTop) following = false;
  lastTop = scrollTop;
  if (following) unseen = 0;
  $("to-end").hidden = following;
  $("unseen").hidden = !unseen;
  $("unseen").textContent = unseen;
}

const keepUp = () => (following ? toEnd() : onScroll());

export function jump(id) {
  const node = nodeOf(id);
  if (!node) return;
  node.scrollIntoView({ block: "center", behavior: "smooth" });
  flash(node, "found");
}

function flash(node, name) {
  node.classList.add(name);
  node.addEventListener("animationend", () => node.classList.remove(name), { once: true });
}

// --- buttons under messages ---

function settle(key) {
  const entry = waiting.get(key);
  if (!entry) return;
  clearTimeout(entry.timer);
  waiting.delete(key);
  const [id, data] = [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)];
  for (const button of nodeOf(id)?.querySelectorAll(".key") ?? [])
    if (button.dataset.data === data) setBusy(button, false);
}

function showAnswer({ text, show_alert: alert, url }) {
  if (url && /^https?:/i.test(url)) window.open(url, "_blank", "noopener");
  if (!text) return;
  if (!alert) return toast(text);
  $("alert-text").textContent = text;
  if (!$("alert").open) $("alert").showModal();
}

export function answered(event) {
  for (const [key, entry] of waiting) {
    if (entry.callbackId !== event.callback_query_id) continue;
    settle(key);
    return showAnswer(event);
  }
  if (waiting.size) early.set(event.callback_query_id, event);
}

async function pressButton(message, button, kind) {
  if (kind === "copy_text")
    return navigator.clipboard?.writeText(button.copy_text.text).then(() => toast(t("copied")), fail);
  if (kind !== "callback_data") return toast(t("notSimulated"));
  const key = keyOf(message.message_id, button.callback_data);
  if (waiting.has(key)) return;
  const entry = {
    timer: setTimeout(() => {
      settle(key);
      toast(t("noAnswer"), "error");
    }, ANSWER_MS),
  };
  waiting.set(key, entry);
  for (const node of nodeOf(message.message_id).querySelectorAll(".key"))
    if (node.dataset.data === button.callback_data) setBusy(node, true);
  try {
    const { callback_query_id: id } = await press(userId, message.message_id, button.callback_data);
    entry.callbackId = id;
    if (early.has(id)) answered(early.get(id));
  } catch (error) {
    settle(key);
    fail(error);
  }
  if (!waiting.size) early.clear();
}

const actions = {
  press: pressButton,
  isBusy: (messageId, data) => waiting.has(keyOf(messageId, data)),
  command: (text) => command(text),
  reply: (message) => onReply(message),
  jump,
  picture(source) {
    $("picture-image").src = source;
    $("picture").showModal();
  },
};

// --- the list ---

function separator(seconds) {
  const label = day(seconds);
  return el("li", { class: "day", role: "separator" }, el("span", {}, label));
}

function decorate() {
  let previous = null;
  for (const node of [...$("messages").children]) {
    if (node.classList.contains("day")) {
      node.remove();
      continue;
    }
    const message = messages.get(Number(node.dataset.messageId));
    if (!message) continue;
    const newDay =
      !previous ||
      new Date(previous.date * 1000).toDateString() !== new Date(message.date * 1000).toDateString();
    if (newDay) node.before(separator(message.date));
    node.classList.toggle(
      "follows",
      !newDay && isBot(previous) === isBot(message) && message.date - previous.date < 300,
    );
    previous = message;
  }
  $("empty").hidden = messages.size > 0;
}

// A message the page cannot draw must not hide the others.
function draw(message) {
  try {
    return renderMessage(message, isBot(message), actions);
  } catch (error) {
    fail(error);
    const node = el("li", { class: "row gone", testid: "message" }, t("unsupported"));
    node.dataset.messageId = message.message_id;
    return node;
  }
}

function place(node, id) {
  const later = [...$("messages").querySelectorAll(".row")].find(
    (other) => Number(other.dataset.messageId) > id,
  );
  if (later) later.before(node);
  else $("messages").append(node);
}

// The focus stays on the button's place, or on the last one there is.
function replace(old, node) {
  const focused = [...old.querySelectorAll(".key")].indexOf(document.activeElement);
  old.replaceWith(node);
  const keys = [...node.querySelectorAll(".key")];
  if (focused >= 0) (keys[focused] ?? keys.at(-1))?.focus({ preventScroll: true });
}

export function showMessage(message) {
  const old = nodeOf(message.message_id);
  if (old && JSON.stringify(messages.get(message.message_id)) === JSON.stringify(message)) return;
  const node = draw(message);
  messages.set(message.message_id, message);
  if (old) replace(old, node);
  else place(node, message.message_id);
  flash(node, old ? "changed" : "arrived");
  if (isBot(message)) setAction(null);
  decorate();
  if (!old && !following) unseen++;
  if (!old && !isBot(message)) toEnd();
  else keepUp();
}

export function removeMessage(id) {
  if (!messages.delete(id)) return;
  const node = nodeOf(id);
  node.removeAttribute("data-message-id");
  node.removeAttribute("data-testid");
  node.classList.add("leaving");
  const remove = () => {
    node.remove();
    decorate();
    keepUp();
  };
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return remove();
  node.addEventListener("animationend", remove, { once: true });
}

// --- "typing…" ---

export function setAction(name) {
  clearTimeout(actionTimer);
  action = name || null;
  $("typing").hidden = !action;
  if (action) actionTimer = setTimeout(() => setAction(null), ACTION_MS);
  keepUp();
  onAction();
}

export const currentAction = () => action;

// --- the whole chat ---

export function openChat(user, botUser, list) {
  for (const key of [...waiting.keys()]) settle(key);
  userId = user?.id ?? null;
  bot = botUser;
  messages.clear();
  for (const message of list) messages.set(message.message_id, message);
  $("messages").replaceChildren(...allMessages().map(draw));
  decorate();
  toEnd();
}

export const findMessage = (id) => messages.get(id);

export const allMessages = () => [...messages.values()].sort((a, b) => a.message_id - b.message_id);

export function startChat(handlers) {
  ({ command, onAction, onReply } = handlers);
  $("to-end").addEventListener("click", toEnd);
  $("scroller").addEventListener("scroll", onScroll, { passive: true });
  const size = new ResizeObserver(keepUp);
  size.observe($("messages"));
  size.observe($("scroller"));
}

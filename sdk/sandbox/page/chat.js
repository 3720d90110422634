// The list of messages of the open chat, and what happens to single messages in it. Only the newest part of a long
// chat is drawn; earlier ones follow when one scrolls to them.

import { $, copyText, el, fail, isCalm, toast } from "./dom.js";
import { press } from "./api.js";
import { day, t } from "./i18n.js";
import { setBusy } from "./keyboard.js";
import { visualOf } from "./media.js";
import { renderMessage } from "./message.js";
import { here, isForum, isGroup, session, threadOf } from "./session.js";
import { formatted } from "./text.js";
import { showVisuals } from "./viewer.js";

const ANSWER_MS = 20000;
const ACTION_MS = 6000;
const DRAFT_MS = 30000;
const DRAWN = 80; // units at first
const STEP = 60; // units more, when one scrolls to the top
const KEPT = 240; // drawn units, before the oldest go

const messages = new Map(); // of the chat, of all its topics
const votes = new Map(); // poll id → {user id: options}
const reactions = new Map(); // message id → {user id: types}
const asides = new Map(); // ephemeral message id → its number here
const receipts = new Map(); // message id of a paid invoice → of its receipt
const drafts = new Map(); // draft id → timer
const waiting = new Map(); // pressed buttons: "message:data" → {callbackId, timer}
const early = new Map(); // answers that came before the press call returned
let units = []; // what is drawn together, a message or an album: {messages, node, day}
let from = 0; // the first unit that is drawn
let action = null;
let actionTimer = null;
let unseen = 0;
let following = true;
let lastTop = 0;
let onAction = () => {};
let actions = {};

const keyOf = (messageId, data) => `${messageId}:${data}`;
const unitOf = (id) => units.find((unit) => unit.messages.some((message) => message.message_id === id));
const isHere = (message) => !isForum() || threadOf(message) === session.threadId;
const isMine = (message) => message.from?.id === session.userId;

const context = () => ({
  userId: session.userId,
  isGroup: isGroup(),
  chosenIn: (pollId) => votes.get(pollId)?.[session.userId] ?? [],
  isPaid: (messageId) => receipts.has(messageId),
  reactionsTo: (messageId) => reactions.get(messageId) ?? {},
});

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
  if (scrollTop < 600 && from > 0) drawEarlier(STEP);
  $("to-end").hidden = following;
  $("unseen").hidden = !unseen;
  $("unseen").textContent = unseen;
}

const keepUp = () => (following ? toEnd() : onScroll());

export function jump(id) {
  const unit = unitOf(id);
  if (!unit) return toast(t("notHere"));
  const at = units.indexOf(unit);
  if (at < from) drawEarlier(from - Math.max(0, at - 10));
  unit.node.scrollIntoView({ block: "center", behavior: isCalm() ? "auto" : "smooth" });
  flash(unit.node, "found");
}

function flash(node, name) {
  node.classList.add(name);
  node.addEventListener("animationend", () => node.classList.remove(name), { once: true });
}

// --- buttons under messages ---

const keysOf = (messageId) => [...(unitOf(Number(messageId))?.node?.querySelectorAll(".key") ?? [])];

function settle(key) {
  const entry = waiting.get(key);
  if (!entry) return;
  clearTimeout(entry.timer);
  waiting.delete(key);
  const [id, data] = [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)];
  for (const button of keysOf(id)) if (button.dataset.data === data) setBusy(button, false);
}

function showAnswer({ text, show_alert: alert, url }) {
  if (url) {
    const { run, href } = actions.link(url);
    if (run) run();
    else if (/^https?:/i.test(href ?? "")) window.open(href, "_blank", "noopener");
  }
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

async function pressData(message, data) {
  const key = keyOf(message.message_id, data);
  if (waiting.has(key)) return;
  const entry = {
    timer: setTimeout(() => {
      settle(key);
      toast(t("noAnswer"), "error");
    }, ANSWER_MS),
  };
  waiting.set(key, entry);
  for (const node of keysOf(message.message_id)) if (node.dataset.data === data) setBusy(node, true);
  try {
    const { callback_query_id: id } = await press(here(), message.message_id, data);
    entry.callbackId = id;
    if (early.has(id)) answered(early.get(id));
  } catch (error) {
    settle(key);
    fail(error);
  }
  if (!waiting.size) early.clear();
}

const PRESSES = {
  callback_data: (message, button) => pressData(message, button.callback_data),
  copy_text: (message, button) => copyText(button.copy_text.text, t("copied")),
  pay: (message) => actions.pay(message),
  switch_inline_query_current_chat: (message, button) =>
    actions.writeInline(button.switch_inline_query_current_chat),
  switch_inline_query: (message, button) => actions.writeInline(button.switch_inline_query),
  switch_inline_query_chosen_chat: (message, button) =>
    actions.writeInline(button.switch_inline_query_chosen_chat.query ?? ""),
  disabled: () => {},
  web_app: () => toast(t("noWebApps")),
  url: () => toast(t("badLink"), "error"),
};

const pressButton = (message, button, kind) =>
  (PRESSES[kind] ?? (() => toast(t("notSimulated"))))(message, button);

function view(message) {
  const visuals = shownMessages().map(visualOf).filter(Boolean);
  showVisuals(
    visuals,
    visuals.findIndex((visual) => visual.message_id === message.message_id),
  );
}

// --- the list ---

// A message the page cannot draw must not hide the others.
function draw(unit) {
  try {
    return renderMessage(unit.messages, context(), actions);
  } catch (error) {
    fail(error);
    const node = el("li", { class: "row gone", testid: "message" }, t("unsupported"));
    node.dataset.messageId = unit.messages[0].message_id;
    return node;
  }
}

const sameDay = (a, b) => new Date(a * 1000).toDateString() === new Date(b * 1000).toDateString();

function follows(unit, previous) {
  if (!unit || !previous) return false;
  const [a, b] = [previous.messages.at(-1), unit.messages[0]];
  return (
    (a.sender_chat ?? a.from)?.id === (b.sender_chat ?? b.from)?.id &&
    b.date - a.date < 300 &&
    sameDay(a.date, b.date) &&
    !previous.node?.classList.contains("service") &&
    !unit.node?.classList.contains("service")
  );
}

// What a message looks like beside its neighbours, and the day above the first one of a day.
function dress(at) {
  const unit = units[at];
  if (!unit?.node) return;
  const previous = units[at - 1];
  const isNewDay = !previous || !sameDay(previous.messages.at(-1).date, unit.messages[0].date);
  unit.node.classList.toggle("follows", follows(unit, previous));
  unit.node.classList.toggle("goes-on", follows(units[at + 1], unit));
  if (isNewDay !== Boolean(unit.day)) {
    unit.day?.remove();
    unit.day = isNewDay
      ? el("li", { class: "day", role: "separator" }, el("span", {}, day(unit.messages[0].date)))
      : null;
  }
  if (unit.day && unit.day.nextSibling !== unit.node) unit.node.before(unit.day);
}

function dressAround(at) {
  for (const one of [at - 1, at, at + 1]) dress(one);
  $("empty").hidden = units.length > 0;
}

const belongs = (unit, message) =>
  message.media_group_id !== undefined &&
  unit?.messages[0].media_group_id === message.media_group_id &&
  unit.messages[0].from?.id === message.from?.id;

function grouped(list) {
  const made = [];
  for (const message of list)
    if (belongs(made.at(-1), message)) made.at(-1).messages.push(message);
    else made.push({ messages: [message], node: null, day: null });
  return made;
}

const shownMessages = () => allMessages().filter(isHere);

function drawEarlier(count) {
  const scroller = $("scroller");
  const below = scroller.scrollHeight - scroller.scrollTop;
  const until = from;
  from = Math.max(0, from - count);
  const fresh = units.slice(from, until);
  for (const unit of fresh) unit.node = draw(unit);
  $("messages").prepend(...fresh.map((unit) => unit.node));
  for (let at = from; at <= until; at++) dress(at);
  scroller.scrollTop = scroller.scrollHeight - below;
  lastTop = scroller.scrollTop;
}

function forget(unit) {
  unit.node?.remove();
  unit.day?.remove();
  unit.node = unit.day = null;
}

function dropOldest() {
  if (!following || units.length - from <= KEPT) return;
  const first = units.length - DRAWN;
  units.slice(from, first).forEach(forget);
  from = first;
}

function drawAll() {
  for (const unit of units) forget(unit);
  units = grouped(shownMessages());
  from = Math.max(0, units.length - DRAWN);
  for (const unit of units.slice(from)) unit.node = draw(unit);
  $("messages").replaceChildren(...units.slice(from).map((unit) => unit.node));
  for (let at = from; at < units.length; at++) dress(at);
  $("empty").hidden = units.length > 0;
}

// The focus stays on the button's place, or on the last one there is.
function redraw(unit) {
  const at = units.indexOf(unit);
  if (at < from || !unit.node) return;
  const old = unit.node;
  const focused = [...old.querySelectorAll(".key")].indexOf(document.activeElement);
  unit.node = draw(unit);
  old.replaceWith(unit.node);
  const keys = [...unit.node.querySelectorAll(".key")];
  if (focused >= 0) (keys[focused] ?? keys.at(-1))?.focus({ preventScroll: true });
  dressAround(at);
}

function append(message) {
  const last = units.at(-1);
  if (belongs(last, message)) {
    last.messages.push(message);
    redraw(last);
    return last;
  }
  const unit = { messages: [message], node: null, day: null };
  units.push(unit);
  unit.node = draw(unit);
  $("messages").append(unit.node);
  dropOldest();
  dressAround(units.length - 1);
  return unit;
}

function add(message) {
  const last = units.at(-1)?.messages.at(-1);
  if (!last || last.message_id < message.message_id) return append(message);
  drawAll();
  return unitOf(message.message_id);
}

export function showMessage(message) {
  const old = messages.get(message.message_id);
  if (old && JSON.stringify(old) === JSON.stringify(message)) return;
  messages.set(message.message_id, message);
  if (!isHere(message)) return;
  if (message.from?.is_bot) {
    setAction(null);
    if (!old) clearDrafts();
  }
  let unit = unitOf(message.message_id);
  if (old && unit) {
    unit.messages = unit.messages.map((one) => (one.message_id === message.message_id ? message : one));
    redraw(unit);
  } else unit = add(message);
  if (unit?.node) flash(unit.node, old ? "changed" : "arrived");
  if (!old && !following) unseen++;
  if (!old && isMine(message)) toEnd();
  else keepUp();
}

// Messages without a number in the chat get one between those of others.
export function showAside(asideId, message) {
  const last = Math.max(0, ...messages.keys());
  if (!asides.has(asideId)) asides.set(asideId, last + 0.001);
  showMessage({ ...message, message_id: asides.get(asideId) });
}

export function removeAside(asideId) {
  removeMessage(asides.get(asideId));
  asides.delete(asideId);
}

export function removeMessage(id) {
  if (!messages.delete(id)) return;
  const unit = unitOf(id);
  if (!unit) return;
  unit.messages = unit.messages.filter((message) => message.message_id !== id);
  if (unit.messages.length) return redraw(unit);
  const at = units.indexOf(unit);
  units.splice(at, 1);
  if (at < from) from--;
  unit.day?.remove();
  const { node } = unit;
  const remove = () => {
    node?.remove();
    keepUp();
  };
  dressAround(at);
  node?.removeAttribute("data-message-id");
  node?.removeAttribute("data-testid");
  if (!node || isCalm()) return remove();
  node.classList.add("leaving");
  node.addEventListener("animationend", remove, { once: true });
}

export function setReactions(messageId, record) {
  reactions.set(messageId, record);
  const unit = unitOf(messageId);
  if (unit) redraw(unit);
  keepUp();
}

export function setReceipt(messageId, receiptId) {
  receipts.set(messageId, receiptId);
  const unit = unitOf(messageId);
  if (unit) redraw(unit);
}

export const receiptOf = (messageId) => receipts.get(messageId);

export function setVote(message, options) {
  const { id } = message.poll;
  votes.set(id, { ...votes.get(id), [session.userId]: options });
  const unit = unitOf(message.message_id);
  if (unit) redraw(unit);
}

// --- "typing…", and texts that are still being written ---

export function setAction(name) {
  clearTimeout(actionTimer);
  action = name || null;
  $("typing").hidden = !action;
  if (action) actionTimer = setTimeout(() => setAction(null), ACTION_MS);
  keepUp();
  onAction();
}

export const currentAction = () => action;

function clearDrafts() {
  for (const timer of drafts.values()) clearTimeout(timer);
  drafts.clear();
  $("drafts").replaceChildren();
}

export function showDraft({ draft_id: id, text, entities }) {
  const old = $("drafts").querySelector(`[data-draft-id="${Number(id)}"]`);
  clearTimeout(drafts.get(id));
  const body = text ? formatted(text, entities, actions) : [el("span", { class: "thinking" }, t("thinking"))];
  const node = el(
    "div",
    { class: "row theirs", testid: "draft" },
    el("article", { class: "bubble", dir: "auto" }, el("div", { class: "text writing" }, body)),
  );
  node.dataset.draftId = id;
  if (old) old.replaceWith(node);
  else $("drafts").append(node);
  drafts.set(
    id,
    setTimeout(() => node.remove(), DRAFT_MS),
  );
  setAction(null);
  keepUp();
}

// --- the whole chat ---

// The messages of a chat, which session names, and what people have done with them.
export function openChat({
  messages: list = [],
  reactions: reacted = {},
  votes: cast = {},
  receipts: paid = {},
}) {
  for (const key of [...waiting.keys()]) settle(key);
  clearDrafts();
  messages.clear();
  reactions.clear();
  receipts.clear();
  asides.clear();
  votes.clear();
  for (const [id, record] of Object.entries(reacted)) reactions.set(Number(id), record);
  for (const [id, receipt] of Object.entries(paid)) receipts.set(Number(id), receipt);
  for (const [id, record] of Object.entries(cast)) votes.set(id, record);
  for (const message of list) messages.set(message.message_id, message);
  unseen = 0;
  drawAll();
  toEnd();
}

// After the topic or the language has changed.
export function redrawChat() {
  drawAll();
  toEnd();
}

export const findMessage = (id) => messages.get(id);

export const allMessages = () => [...messages.values()].sort((a, b) => a.message_id - b.message_id);

// --- from the keyboard: up and down through the messages, Enter for what can be done with one ---

function messageOf(node) {
  const id = Number(
    node?.closest("[data-item-id]")?.dataset.itemId ?? node?.closest(".row")?.dataset.messageId,
  );
  return messages.get(id);
}

function onKey(event) {
  const row = event.target.closest?.(".row");
  if (event.target !== $("scroller") && event.target !== row) return;
  const rows = [...$("messages").querySelectorAll(".row")];
  if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    const step = event.key === "ArrowUp" ? -1 : 1;
    const next = rows[row ? rows.indexOf(row) + step : rows.length - 1];
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest" });
  } else if (event.key === "Enter" && row && messageOf(row))
    actions.menu(messageOf(row), { anchor: row.querySelector(".bubble") ?? row });
  else return;
  event.preventDefault();
}

function onContextMenu(event) {
  const message = messageOf(event.target);
  if (!message || event.target.closest("a[href], .draft") || String(getSelection())) return;
  event.preventDefault();
  actions.menu(message, { x: event.clientX, y: event.clientY });
}

export function startChat(handlers) {
  ({ onAction } = handlers);
  actions = {
    ...handlers.actions,
    press: pressButton,
    isBusy: (messageId, data) => waiting.has(keyOf(messageId, data)),
    jump,
    view,
  };
  $("to-end").addEventListener("click", toEnd);
  $("scroller").addEventListener("scroll", onScroll, { passive: true });
  $("scroller").addEventListener("keydown", onKey);
  $("messages").addEventListener("contextmenu", onContextMenu);
  const size = new ResizeObserver(keepUp);
  size.observe($("messages"));
  size.observe($("scroller"));
}

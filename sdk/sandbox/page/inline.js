// Inline mode: "@bot query" in the text field asks the bot, its results stand above the field, a press sends one.

import { $, el, fail, icon } from "./dom.js";
import { askInline, chooseInline, fileUrl, getInline } from "./api.js";
import { t } from "./i18n.js";
import { session } from "./session.js";

// Chosen results stand in the open chat, where the bot sees them.
const where = () => ({ user_id: session.userId, chat_id: session.chatId });

const PAUSE_MS = 350;
const WAIT_MS = 10000;

let query = null; // what is being asked: {id, text}
let timer = null;
let asked = null; // the text that was asked last
let sent = () => {};

const typed = () => {
  const name = session.bot?.username;
  const match = /^@(\w+)\s([\s\S]*)$/.exec($("input").value);
  return match && name && match[1].toLowerCase() === name.toLowerCase() ? match[2] : null;
};

function hide() {
  clearTimeout(timer);
  query = null;
  asked = null;
  $("results").hidden = true;
  $("results").replaceChildren();
}

const note = (text) => {
  $("results").hidden = false;
  $("results").className = "results";
  $("results").replaceChildren(el("p", { class: "hint" }, text));
};

// --- results ---

async function pick(result) {
  const { id } = query;
  hide();
  sent();
  await chooseInline(where(), id, result.id);
}

function face(result) {
  const file = result.photo_file_id ?? result.gif_file_id ?? result.sticker_file_id;
  if (file) return el("img", { src: fileUrl(file), alt: "" });
  return el("span", { class: "file-icon" }, result.title ? [...result.title][0] : icon("file"));
}

function entry(result) {
  const title = result.title ?? result.first_name ?? result.caption ?? result.type;
  return el(
    "button",
    { type: "button", class: "option", testid: "inline-result", onclick: () => pick(result).catch(fail) },
    face(result),
    el(
      "span",
      { class: "cut" },
      el("strong", { dir: "auto" }, title),
      el("small", { dir: "auto" }, result.description ?? result.address ?? result.caption ?? ""),
    ),
  );
}

function show({ results, button }) {
  if (!results.length && !button) return note(t("noResults"));
  const isGrid =
    results.length > 0 && results.every(({ type }) => ["photo", "gif", "sticker"].includes(type));
  $("results").hidden = false;
  $("results").className = `results ${isGrid ? "grid" : ""}`;
  $("results").replaceChildren(
    ...(button ? [el("p", { class: "hint" }, button.text)] : []),
    ...results.map(entry),
  );
}

// --- asking ---

async function ask(text) {
  asked = text;
  note(t("askingBot"));
  const { id } = await askInline(where(), text);
  const mine = { id, text };
  query = mine;
  const answer = await getInline(id, WAIT_MS / 1000);
  if (query !== mine) return;
  show(answer);
}

// After each change of the text. Returns whether it is a question to the bot.
export function suggestInline() {
  const text = typed();
  if (text === null) {
    if (asked !== null || !$("results").hidden) hide();
    return false;
  }
  if (text === asked) return true;
  clearTimeout(timer);
  timer = setTimeout(
    () => ask(text).catch((error) => note(error.status === 408 ? t("noInlineAnswer") : error.message)),
    PAUSE_MS,
  );
  return true;
}

export const hideInline = hide;

// cleared() empties the text field.
export function startInline(cleared) {
  sent = cleared;
}

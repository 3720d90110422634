// The tab that looks inside: a message as the bot sees it, the chat, the bot, what waits for it.

import { el, fail } from "./dom.js";
import { getState, inspect } from "./api.js";
import { t } from "./i18n.js";
import { jsonTree } from "./json.js";
import { session } from "./session.js";

let shown = null; // the message asked for

const part = (title, value, open = false) =>
  el(
    "details",
    { class: "panel-part look", open, testid: "look" },
    el("summary", {}, title, Array.isArray(value) && el("small", {}, value.length)),
    jsonTree(value),
  );

const TITLES = {
  chat: "lookChat",
  members: "lookMembers",
  pinned: "lookPinned",
  topics: "topics",
  commands: "commands",
  reply_markup: "keyboard",
  pending_updates: "lookUpdates",
  webhook: "lookWebhook",
  bot: "bot",
  messages: "messages",
};

function parts(state, about) {
  const { users, bot, ...rest } = state;
  const made = Object.entries(about ?? {}).filter(([, value]) => value !== null && typeof value === "object");
  return [
    ...made.map(([name, value]) =>
      part(TITLES[name] ? t(TITLES[name]) : name, name === "messages" ? [...value].reverse() : value),
    ),
    part(t("bot"), bot),
    part(t("lookSandbox"), rest),
    part(t("people"), users),
  ];
}

export function inspectMessage(message) {
  shown = message;
}

export function openInspector(panel) {
  let isOver = false;
  const read = async () => {
    const [state, about] = await Promise.all([getState(), inspect(session.chatId).catch(() => null)]);
    if (isOver) return;
    panel.replaceChildren(
      shown
        ? el(
            "section",
            { class: "panel-part", testid: "raw-message" },
            jsonTree(shown, t("messageNumber", { n: shown.message_id })),
          )
        : el("p", { class: "hint panel-part" }, t("inspectHint")),
      el(
        "button",
        {
          type: "button",
          class: "ghost refresh",
          testid: "inspect-refresh",
          onclick: () => read().catch(fail),
        },
        t("refresh"),
      ),
      ...parts(state, about),
    );
  };
  read().catch(fail);
  return () => {
    isOver = true;
    shown = null;
  };
}

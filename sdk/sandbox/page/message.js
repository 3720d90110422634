// One message of the chat, or one album: Bot API objects → a list item.

import { avatar, el, fullName, hue, icon } from "./dom.js";
import { card } from "./cards.js";
import { clock, t } from "./i18n.js";
import { keyboard } from "./keyboard.js";
import { attached, isVisual, mosaic } from "./media.js";
import { isService, service, serviceText } from "./service.js";
import { formatted, isOnlyEmoji } from "./text.js";
import { summary } from "./summary.js";

const isBot = (message) => message.from?.is_bot === true || message.sender_business_bot !== undefined;

// --- above the text ---

function sender(message) {
  const whose = message.sender_chat ?? message.from ?? {};
  const node = el(
    "div",
    { class: "sender", testid: "sender" },
    el("b", { dir: "auto" }, whose.title ?? fullName(whose)),
    isBot(message) && el("small", {}, t("bot")),
  );
  node.style.setProperty("--hue", hue(whose.id ?? 0));
  return node;
}

function origin(message) {
  const from = message.forward_origin;
  if (!from) return null;
  const chat = from.sender_chat ?? from.chat;
  const name = from.sender_user_name ?? (chat ? chat.title : fullName(from.sender_user));
  const signed = from.author_signature ? ` (${from.author_signature})` : "";
  return el(
    "div",
    { class: "forwarded", testid: "forwarded" },
    icon("forward"),
    el("span", {}, t("forwardedFrom"), " ", el("b", { dir: "auto" }, `${name ?? ""}${signed}`)),
  );
}

function quote(message, actions) {
  const replied = message.reply_to_message;
  const outside = message.external_reply;
  if (!replied && !outside) return null;
  const name = replied
    ? fullName(replied.from)
    : (outside.chat?.title ?? fullName(outside.origin?.sender_user));
  const text = message.quote?.text ?? summary(replied ?? outside);
  return el(
    "button",
    {
      type: "button",
      class: `quote ${message.quote ? "exact" : ""}`,
      testid: "quote",
      onclick: () => replied && actions.jump(replied.message_id),
    },
    el("b", { dir: "auto" }, name),
    el("span", { dir: "auto" }, text),
  );
}

const mark = (className, ...children) => el("div", { class: `note-line ${className}` }, ...children);

function notes(message) {
  return [
    message.via_bot &&
      mark("via", t("via", { name: `@${message.via_bot.username ?? message.via_bot.first_name}` })),
    message.receiver_user &&
      mark("only", icon("look"), t("onlyFor", { name: fullName(message.receiver_user) })),
  ];
}

// --- below the text ---

// From {who: [ReactionType]} to what is shown: each emoji once.
function counted(record) {
  const made = new Map();
  for (const [who, types] of Object.entries(record))
    for (const { emoji = "⭐" } of types) made.set(emoji, [...(made.get(emoji) ?? []), Number(who)]);
  return [...made];
}

function reactions(message, context, actions) {
  const list = counted(context.reactionsTo(message.message_id));
  if (!list.length) return null;
  return el(
    "div",
    { class: "reactions", role: "group", "aria-label": t("reactions") },
    list.map(([emoji, users]) => {
      const count = users.length;
      const isMine = users.includes(context.userId);
      return el(
        "button",
        {
          type: "button",
          class: "reaction",
          testid: "reaction",
          "aria-pressed": String(isMine),
          "aria-label": t("reactionCount", { emoji, count }),
          onclick: () => actions.react(message, isMine ? "" : emoji),
        },
        el("span", {}, emoji),
        count > 1 && el("b", {}, count),
      );
    }),
  );
}

function stamp(message) {
  const isEdited = message.edit_date && !message.reply_markup; // screens of a menu do not say so
  return el(
    "footer",
    { class: "stamp" },
    message.effect_id && el("span", {}, "✨"),
    isEdited && el("span", { testid: "edited" }, t("edited")),
    el("time", { dateTime: new Date(message.date * 1000).toISOString() }, clock(message.date)),
  );
}

function tools(message, actions) {
  const tool = (name, testid, label, run) =>
    el(
      "button",
      { type: "button", testid, tabIndex: -1, title: label, "aria-label": label, onclick: run },
      icon(name),
    );
  return el(
    "div",
    { class: "row-tools" },
    tool("reply", "answer", t("reply"), () => actions.reply(message)),
    tool("dots", "message-menu", t("more"), (event) =>
      actions.menu(message, { anchor: event.currentTarget }),
    ),
  );
}

// --- the bubble ---

function words(message, actions) {
  const text = message.text ?? message.caption;
  if (!text) return null;
  const isBig = message.text !== undefined && isOnlyEmoji(text);
  return el(
    "div",
    { class: `text ${isBig ? "big" : ""}`, testid: "message-text" },
    formatted(text, message.entities ?? message.caption_entities, actions),
  );
}

function unknown(message) {
  return el(
    "details",
    { class: "unsupported" },
    el("summary", {}, t("unsupported")),
    el("pre", {}, JSON.stringify(message, null, 2)),
  );
}

function content(messages, context, actions) {
  const [message] = messages;
  if (messages.length > 1) return messages.every(isVisual) ? mosaic(messages, actions) : null;
  const made = attached(message, actions) ?? card(message, context, actions);
  return made ?? (message.text === undefined ? unknown(message) : null);
}

// Files and pieces of music that came together: one below the other, each with its caption.
function stack(messages, actions) {
  return messages.map((message) => {
    const node = el(
      "div",
      { class: "stacked" },
      attached(message, actions) ?? unknown(message),
      words(message, actions),
    );
    node.dataset.itemId = message.message_id;
    return node;
  });
}

function captioned(messages) {
  const withCaption = messages.filter(({ caption }) => caption);
  return messages.length === 1 ? messages[0] : withCaption.length === 1 ? withCaption[0] : {};
}

function parts(messages, context, actions) {
  const [message] = messages;
  const visual = content(messages, context, actions);
  if (messages.length > 1 && !visual) return stack(messages, actions);
  const text = words(captioned(messages), actions);
  return message.show_caption_above_media ? [text, visual] : [visual, text];
}

function classesOf(messages, made) {
  const [message] = messages;
  const isWide = messages.every(isVisual) || message.paid_media;
  return [
    "bubble",
    made.some((part) => part?.classList?.contains("text")) ? "" : "bare",
    isWide ? "wide" : "",
    message.show_caption_above_media && isWide ? "media-below" : "",
    message.sticker || message.dice || message.video_note ? "naked" : "",
  ].join(" ");
}

function bubble(messages, context, actions) {
  const [message] = messages;
  const last = messages.at(-1);
  const made = parts(messages, context, actions);
  const who = context.isGroup && context.userId !== message.from?.id ? sender(message) : null;
  const head = [who, origin(message), ...notes(message), quote(message, actions)].filter(Boolean);
  const node = el(
    "div",
    { class: classesOf(messages, made), dir: "auto" },
    head,
    made,
    el("div", { class: "below" }, reactions(message, context, actions), stamp(last)),
    tools(message, actions),
  );
  if (head.length) node.classList.add("headed");
  if (messages.length > 1) node.classList.add("album");
  return node;
}

function nameOf(message, context) {
  if (isService(message)) return serviceText(message);
  const isMine = context.userId === message.from?.id;
  const name = isBot(message) ? t("bot") : isMine ? t("you") : fullName(message.from);
  return `${name}, ${clock(message.date)}`;
}

// context: {userId, isGroup, chosenIn(pollId), reactionsTo(messageId), isPaid(messageId)}.
// actions: press, isBusy, say, view, jump, reply, menu, react, vote, pay, link, inspect.
export function renderMessage(messages, context, actions) {
  const [message] = messages;
  const isMine = !isBot(message) && message.from?.id === context.userId;
  const node = isService(message)
    ? el("li", { class: "row service", testid: "service", tabIndex: -1 }, service(message, context, actions))
    : el(
        "li",
        { class: `row ${isMine ? "mine" : "theirs"}`, testid: "message", tabIndex: -1 },
        context.isGroup &&
          !isMine &&
          el("span", { class: "face" }, avatar(message.from ?? message.sender_chat ?? {}, "small")),
        bubble(messages, context, actions),
        keyboard(messages.at(-1), context, actions),
      );
  node.setAttribute("aria-label", nameOf(message, context));
  node.dataset.messageId = message.message_id;
  node.dataset.from = isBot(message) ? "bot" : "user";
  return node;
}

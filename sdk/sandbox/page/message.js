// One message of the chat: Bot API object → list item.

import { el, icon } from "./dom.js";
import { fileUrl } from "./api.js";
import { clock, fileSize, t } from "./i18n.js";
import { player } from "./player.js";
import { formatted } from "./text.js";

function photo(sizes, onPicture) {
  const best = sizes.reduce((a, b) => (b.width * b.height > a.width * a.height ? b : a));
  const image = el("img", {
    src: fileUrl(best.file_id),
    alt: t("photo"),
    width: best.width,
    height: best.height,
    loading: "lazy",
    testid: "photo",
  });
  image.addEventListener("error", () => image.replaceWith(el("p", { class: "gone" }, t("fileGone"))));
  return el("button", { type: "button", class: "media", onclick: () => onPicture(image.src) }, image);
}

function documentLink(file) {
  const name = file.file_name || file.file_id;
  return el(
    "a",
    {
      class: "file",
      testid: "document",
      dir: "ltr",
      href: fileUrl(file.file_id),
      download: name,
      title: t("download"),
    },
    el("span", { class: "file-icon" }, icon("file")),
    el(
      "span",
      { class: "file-about" },
      el("strong", { dir: "auto" }, name),
      el("small", {}, file.file_size === undefined ? t("download") : fileSize(file.file_size)),
    ),
  );
}

function video(file, className) {
  return el("video", {
    class: className,
    src: fileUrl(file.file_id),
    controls: true,
    preload: "metadata",
    testid: className,
    "aria-label": t(className === "video-note" ? "kind_video_note" : "video"),
  });
}

function audioTitle(audio) {
  const title = [audio.performer, audio.title].filter(Boolean).join(" — ");
  return title || audio.file_name || t("audio");
}

function media(message, actions) {
  if (message.photo?.length) return photo(message.photo, actions.picture);
  if (message.voice)
    return player(fileUrl(message.voice.file_id), { seconds: message.voice.duration, label: t("voice") });
  if (message.audio)
    return player(fileUrl(message.audio.file_id), {
      seconds: message.audio.duration,
      title: audioTitle(message.audio),
      label: t("audio"),
    });
  if (message.video_note) return video(message.video_note, "video-note");
  if (message.animation) return video(message.animation, "video");
  if (message.video) return video(message.video, "video");
  if (message.document) return documentLink(message.document);
  if (message.text !== undefined) return null;
  return el(
    "details",
    { class: "unsupported" },
    el("summary", {}, t("unsupported")),
    el("pre", {}, JSON.stringify(message, null, 2)),
  );
}

const LABELS = {
  photo: "photo",
  voice: "voice",
  audio: "audio",
  video: "video",
  video_note: "kind_video_note",
  document: "kind_document",
  sticker: "sticker",
};

// A message in one line.
export function summary(message) {
  const kind = Object.keys(LABELS).find((name) => message[name]);
  return message.text ?? message.caption ?? t(LABELS[kind] ?? "message");
}

function quote(replied, actions) {
  if (!replied) return null;
  return el(
    "button",
    { type: "button", class: "quote", testid: "quote", onclick: () => actions.jump(replied.message_id) },
    el("b", { dir: "auto" }, replied.from?.first_name ?? ""),
    el("span", { dir: "auto" }, summary(replied)),
  );
}

function keyboardButton(message, button, actions) {
  const kind = ["callback_data", "url", "copy_text", "web_app", "pay"].find(
    (name) => button[name] !== undefined,
  );
  if (kind === "url") {
    const safe = /^(https?|tg):/i.test(button.url) ? button.url : undefined;
    return el(
      "a",
      { class: "key", testid: "inline-button", href: safe, target: "_blank", rel: "noopener noreferrer" },
      el("span", {}, button.text),
      icon("link"),
    );
  }
  const node = el(
    "button",
    {
      type: "button",
      class: "key",
      testid: "inline-button",
      onclick: () => actions.press(message, button, kind),
    },
    el("span", {}, button.text),
  );
  if (kind === "callback_data") node.dataset.data = button.callback_data;
  if (actions.isBusy(message.message_id, button.callback_data)) setBusy(node, true);
  return node;
}

export function setBusy(button, busy) {
  button.classList.toggle("busy", busy);
  button.toggleAttribute("aria-busy", busy);
}

function keyboard(message, actions) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows?.length) return null;
  return el(
    "div",
    { class: "inline-keyboard", testid: "inline-keyboard", role: "group", "aria-label": t("keyboard") },
    rows.map((row) =>
      el(
        "div",
        { class: "key-row" },
        row.map((button) => keyboardButton(message, button, actions)),
      ),
    ),
  );
}

function replyButton(message, actions) {
  return el(
    "button",
    {
      type: "button",
      class: "answer",
      testid: "answer",
      tabIndex: -1,
      title: t("reply"),
      "aria-label": t("reply"),
      onclick: () => actions.reply(message),
    },
    icon("reply"),
  );
}

// actions: press, isBusy, command, picture, jump, reply
export function renderMessage(message, fromBot, actions) {
  const text = message.text ?? message.caption;
  const isEdited = message.edit_date && !message.reply_markup; // screens of a menu do not say so
  const attached = media(message, actions);
  const bubble = el(
    "article",
    { class: "bubble", dir: "auto" },
    quote(message.reply_to_message, actions),
    attached,
    text &&
      el(
        "div",
        { class: "text", testid: "message-text" },
        formatted(text, message.entities ?? message.caption_entities, actions.command),
      ),
    el(
      "footer",
      { class: "stamp" },
      isEdited && el("span", { testid: "edited" }, t("edited")),
      el("time", { dateTime: new Date(message.date * 1000).toISOString() }, clock(message.date)),
    ),
    replyButton(message, actions),
  );
  if (attached && !text) bubble.classList.add("bare");
  if (message.photo || message.video || message.animation) bubble.classList.add("wide");
  const node = el(
    "li",
    { class: `row ${fromBot ? "from-bot" : "from-user"}`, testid: "message" },
    bubble,
    keyboard(message, actions),
  );
  node.dataset.messageId = message.message_id;
  node.dataset.from = fromBot ? "bot" : "user";
  bubble.setAttribute("aria-label", `${fromBot ? t("bot") : t("you")}, ${clock(message.date)}`);
  return node;
}

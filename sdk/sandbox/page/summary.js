// A message in one line: for the list of chats, replies, the pinned message.

import { amount, t } from "./i18n.js";
import { isService, serviceText } from "./service.js";

const KINDS = {
  photo: ["🖼", "photo"],
  live_photo: ["🖼", "photo"],
  voice: ["🎤", "voice"],
  audio: ["🎵", "audio"],
  animation: ["🎞", "animation"],
  video: ["🎬", "video"],
  video_note: ["🎬", "kind_video_note"],
  document: ["📎", "kind_document"],
  paid_media: ["⭐", "paidMedia"],
  location: ["📍", "location"],
  game: ["🎮", "game"],
  story: ["📖", "story"],
};

function named(message) {
  if (message.document && !message.animation) return `📎 ${message.document.file_name ?? t("kind_document")}`;
  if (message.sticker) return `${message.sticker.emoji ?? ""} ${t("sticker")}`.trim();
  if (message.dice) return `${message.dice.emoji} ${message.dice.value}`;
  if (message.venue) return `📍 ${message.venue.title}`;
  if (message.contact) return `👤 ${message.contact.first_name}`;
  if (message.poll) return `📊 ${message.poll.question}`;
  if (message.checklist) return `☑️ ${message.checklist.title}`;
  if (message.invoice)
    return `🧾 ${message.invoice.title} · ${amount(message.invoice.total_amount, message.invoice.currency)}`;
  const kind = Object.keys(KINDS).find((name) => message[name]);
  return kind ? `${KINDS[kind][0]} ${t(KINDS[kind][1])}` : t("message");
}

export function summary(message) {
  if (message.text !== undefined) return message.text;
  if (isService(message)) return serviceText(message);
  const kind = Object.keys(KINDS).find((name) => message[name]);
  return message.caption ? `${kind ? `${KINDS[kind][0]} ` : ""}${message.caption}` : named(message);
}

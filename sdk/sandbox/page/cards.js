// What a message may carry besides text and files: places, people, polls, bills, dice, stickers, lists.

import { avatar, copyText, el, fullName, icon } from "./dom.js";
import { fileUrl } from "./api.js";
import { amount, t } from "./i18n.js";
import { attached } from "./media.js";
import { poll } from "./poll.js";
import { rich } from "./rich.js";
import { formatted } from "./text.js";

// --- places and people ---

const degrees = ({ latitude, longitude }) => `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;

function place(location, title, address) {
  const where = degrees(location);
  return el(
    "div",
    { class: "place", testid: title ? "venue" : "location" },
    el("div", { class: "map", "aria-hidden": "true" }, icon("place")),
    el(
      "div",
      { class: "place-about" },
      el(
        "div",
        { class: "cut" },
        el("strong", { dir: "auto" }, title ?? t(location.live_period ? "liveLocation" : "location")),
        el("small", { dir: "auto" }, address ?? where),
      ),
      el(
        "button",
        {
          type: "button",
          class: "icon small",
          title: t("copy"),
          "aria-label": t("copy"),
          onclick: () => copyText(where, t("copied")),
        },
        icon("copy"),
      ),
    ),
  );
}

function contact(person) {
  return el(
    "div",
    { class: "contact", testid: "contact" },
    avatar({ id: person.user_id ?? person.phone_number.length, ...person }),
    el(
      "div",
      { class: "cut" },
      el("strong", { dir: "auto" }, fullName(person)),
      el("small", {}, person.phone_number),
    ),
  );
}

// --- dice ---

const REELS = ["BAR", "🍇", "🍋", "7️⃣"];
const PIPS = ["", "⚀", "⚁", "⚂", "⚃", "⚄", "⚅"];

const reels = (value) => [0, 2, 4].map((shift) => REELS[((value - 1) >> shift) & 3]);

function dice({ emoji, value }) {
  const shown =
    emoji === "🎰" ? reels(value).map((reel) => el("b", {}, reel)) : [emoji === "🎲" ? PIPS[value] : emoji];
  return el(
    "div",
    {
      class: `dice ${emoji === "🎲" ? "pips" : ""}`,
      testid: "dice",
      role: "img",
      "aria-label": `${emoji} ${value}`,
    },
    el("span", {}, shown),
    el("small", {}, value),
  );
}

// --- stickers ---

function sticker(what) {
  if (what.is_animated || !what.file_id)
    return el("div", { class: "sticker-name", testid: "sticker" }, what.emoji ?? "🙂");
  const props = {
    class: "sticker",
    src: fileUrl(what.file_id),
    width: what.width,
    height: what.height,
    testid: "sticker",
  };
  const node = what.is_video
    ? el("video", {
        ...props,
        muted: true,
        loop: true,
        autoplay: true,
        playsInline: true,
        "aria-label": t("sticker"),
      })
    : el("img", { ...props, alt: `${t("sticker")} ${what.emoji ?? ""}`, draggable: false });
  node.addEventListener("error", () =>
    node.replaceWith(el("div", { class: "sticker-name" }, what.emoji ?? "🙂")),
  );
  return node;
}

// --- bills ---

function invoice(message) {
  const { title, description, currency, total_amount: total } = message.invoice;
  return el(
    "div",
    { class: "invoice", testid: "invoice" },
    el("strong", { dir: "auto" }, title),
    el("p", { dir: "auto" }, description),
    el("b", { class: "invoice-sum" }, amount(total, currency)),
  );
}

// --- lists of tasks ---

function checklist({ title, title_entities: entities, tasks }, actions) {
  const done = tasks.filter(({ completion_date: date }) => date).length;
  return el(
    "div",
    { class: "checklist", testid: "checklist" },
    el("strong", { dir: "auto" }, formatted(title, entities, actions)),
    el(
      "ul",
      {},
      tasks.map((task) =>
        el(
          "li",
          {
            class: task.completion_date ? "done" : "",
            "aria-label": `${task.text}: ${t(task.completion_date ? "done" : "notDone")}`,
          },
          el("span", { class: "tick" }, task.completion_date ? icon("check") : null),
          el(
            "span",
            { dir: "auto" },
            formatted(task.text, task.text_entities, actions),
            task.completed_by_user && el("small", {}, fullName(task.completed_by_user)),
          ),
        ),
      ),
    ),
    el("small", {}, t("tasksDone", { done, count: tasks.length })),
  );
}

function game(message, actions) {
  return el(
    "div",
    { class: "game", testid: "game" },
    attached({ ...message, photo: message.game.photo }, actions),
    el("strong", { dir: "auto" }, message.game.title),
    el("p", { dir: "auto" }, message.game.description),
  );
}

// The message's own card, or null when it has none.
export function card(message, context, actions) {
  if (message.poll) return poll(message, context, actions);
  if (message.invoice) return invoice(message);
  if (message.venue) return place(message.venue.location, message.venue.title, message.venue.address);
  if (message.location) return place(message.location);
  if (message.contact) return contact(message.contact);
  if (message.dice) return dice(message.dice);
  if (message.sticker) return sticker(message.sticker);
  if (message.checklist) return checklist(message.checklist, actions);
  if (message.game) return game(message, actions);
  if (message.rich_message) return rich(message, actions);
  return null;
}

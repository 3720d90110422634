// The chats of the chosen user: the bot's, and the groups they are in.

import { $, avatar, el, fail, fullName } from "./dom.js";
import { addChat, setMember } from "./api.js";
import { actions, button, openDialog } from "./dialogs.js";
import { clock, day, t } from "./i18n.js";
import { me, session } from "./session.js";
import { isService } from "./service.js";
import { summary } from "./summary.js";
import { unread, unreadElsewhere } from "./users.js";

const DAY = 86400000;
let others = []; // groups the user is not in
let open = null;

const newest = (entry) => entry.last_message?.date ?? 0;

// Today a time, before that a day.
function moment(seconds) {
  const isToday = new Date(seconds * 1000).toDateString() === new Date().toDateString();
  return isToday ? clock(seconds) : day(seconds, Date.now() - seconds * 1000 < 300 * DAY);
}

function lastLine(entry) {
  const message = entry.last_message;
  if (!message) return [t("noMessagesYet")];
  const text = summary(message).replace(/\s+/g, " ").slice(0, 200);
  if (isService(message)) return [text];
  const isMine = message.from?.id === session.userId;
  const isPrivate = entry.chat.type === "private";
  const name = isMine ? t("you") : isPrivate ? null : message.from?.first_name;
  return name ? [el("b", {}, `${name}: `), text] : [text];
}

function row(entry) {
  const { chat } = entry;
  const isPrivate = chat.type === "private";
  const count = unread(session.userId, chat.id);
  const node = el(
    "button",
    {
      type: "button",
      class: "chat-row",
      testid: "chat",
      "aria-current": String(chat.id === session.chatId),
      onclick: () => open(chat.id),
    },
    avatar(isPrivate ? (session.bot ?? { is_bot: true }) : chat),
    el(
      "span",
      { class: "chat-text" },
      el("strong", { dir: "auto" }, isPrivate ? fullName(session.bot ?? {}) || "…" : chat.title),
      entry.last_message ? el("time", {}, moment(entry.last_message.date)) : el("span"),
      el("small", { dir: "auto" }, lastLine(entry)),
      count > 0 && el("b", { class: "badge", "aria-label": t("newMessages", { count }) }, count),
    ),
  );
  node.dataset.chatId = chat.id;
  return el("li", {}, node);
}

// A group one is not in: a press joins it.
function otherRow({ chat }) {
  const join = () =>
    setMember(chat.id, session.userId, "member")
      .then(() => open(chat.id, true))
      .catch(fail);
  return el(
    "li",
    {},
    el(
      "button",
      { type: "button", class: "chat-row away", testid: "other-group", onclick: join },
      avatar(chat),
      el(
        "span",
        { class: "chat-text" },
        el("strong", { dir: "auto" }, chat.title),
        el("em", {}, t("joinAgain")),
      ),
    ),
  );
}

export function drawChats() {
  const focused = document.activeElement?.closest?.(".chat-row")?.dataset.chatId;
  session.chats.sort((a, b) => newest(b) - newest(a));
  $("chats").replaceChildren(
    ...session.chats.map(row),
    ...(others.length ? [el("li", { class: "chats-title" }, t("otherGroups")), ...others.map(otherRow)] : []),
  );
  if (focused) $("chats").querySelector(`[data-chat-id="${focused}"]`)?.focus({ preventScroll: true });
  const elsewhere = unreadElsewhere();
  $("elsewhere").hidden = elsewhere === 0;
  $("elsewhere").textContent = elsewhere;
  $("group-add").disabled = !me();
}

// Those of the user, and all groups there are.
export function setChats(list, all = []) {
  session.chats = list;
  const mine = new Set(list.map(({ chat }) => chat.id));
  others = all.filter(({ chat }) => !mine.has(chat.id));
  drawChats();
}

// What has been said last in a chat, as the list shows it.
export function noteLast(message) {
  const entry = session.chats.find(({ chat }) => chat.id === message.chat?.id);
  if (!entry) return false;
  if ((entry.last_message?.message_id ?? 0) <= message.message_id) {
    entry.last_message = message;
    drawChats();
  }
  return true;
}

// --- a new group ---

const TYPES = [
  ["group", "typeGroup", "typeGroupHint"],
  ["supergroup", "typeSupergroup", "typeSupergroupHint"],
  ["forum", "typeForum", "typeForumHint"],
];

export function offerGroup() {
  const title = el("input", {
    maxLength: 128,
    required: true,
    autocomplete: "off",
    testid: "group-title",
    autofocus: true,
  });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const types = TYPES.map(([value, name, hint], i) =>
    el(
      "label",
      { class: "option" },
      el("input", {
        type: "radio",
        name: "group-type",
        value,
        checked: i === 0,
        testid: `group-type-${value}`,
      }),
      el("span", {}, el("strong", {}, t(name)), el("small", {}, t(hint))),
    ),
  );
  const make = async (event) => {
    event.preventDefault();
    const type = form.querySelector("[name=group-type]:checked").value;
    try {
      const chat = await addChat(
        session.userId,
        type === "forum" ? "supergroup" : type,
        title.value.trim(),
        type === "forum",
      );
      dialog.close();
      await open(chat.id, true);
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  };
  const form = el(
    "form",
    { class: "stack", onsubmit: make },
    el("label", { class: "field" }, el("span", {}, t("groupTitle")), title),
    el("fieldset", { class: "options" }, types),
    problem,
    actions(
      button("ghost", t("cancel"), () => dialog.close()),
      el("button", { class: "primary", testid: "group-save" }, t("create")),
    ),
  );
  const dialog = openDialog({ title: t("newGroup"), testid: "group-dialog" }, form);
  title.focus();
}

// openHandler(chatId, isNew) shows that chat.
export function startChats(openHandler) {
  open = (chatId, isNew = false) => Promise.resolve(openHandler(chatId, isNew)).catch(fail);
  $("group-add").addEventListener("click", offerGroup);
}

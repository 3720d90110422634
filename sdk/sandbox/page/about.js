// The tab of the open chat: who is in it, and what can be done about that.

import { avatar, el, fail, fullName, icon, iconButton } from "./dom.js";
import { block, getMembers, migrate, setMember } from "./api.js";
import { choose, confirm } from "./dialogs.js";
import { t } from "./i18n.js";
import { openMenu } from "./menu.js";
import { chat, isGroup, me, session } from "./session.js";

const isIn = ({ status }) => !["left", "kicked"].includes(status);
const run = (task) => () => Promise.resolve(task()).catch(fail);

let redraw = () => {};

// When somebody has come, gone or risen: the tab is read again if it is open.
export const membersChanged = () => redraw();

// Joining and leaving one does oneself; the rest the chosen user does.
function change(userId, status) {
  if (userId === session.bot?.id) return setMember(session.chatId, session.userId, status, { bot: true });
  const isOwn = userId === session.userId || status === "left";
  return setMember(session.chatId, userId, status, isOwn ? {} : { by: session.userId });
}

// --- one member ---

function deeds(member) {
  const { user, status } = member;
  const isBot = user.id === session.bot?.id;
  const set = (next) => run(() => change(user.id, next));
  if (!isIn(member))
    return [{ icon: "plus", label: t("bringBack"), testid: "member-back", run: set("member") }];
  return [
    status === "member" && {
      icon: "star",
      label: t("promote"),
      testid: "member-promote",
      run: set("administrator"),
    },
    status === "administrator" && {
      icon: "person",
      label: t("demote"),
      testid: "member-demote",
      run: set("member"),
    },
    !isBot && {
      icon: "leave",
      label: t(user.id === session.userId ? "leave" : "makeLeave"),
      testid: "member-leave",
      run: set("left"),
    },
    {
      icon: "block",
      label: t(isBot ? "removeBot" : "kick"),
      danger: true,
      testid: "member-kick",
      run: set("kicked"),
    },
  ].filter(Boolean);
}

function memberRow(member) {
  const { user, status } = member;
  const node = el(
    "li",
    { class: `member ${isIn(member) ? "" : "away"}`, testid: "member" },
    avatar(user),
    el(
      "span",
      { class: "cut" },
      el("strong", { dir: "auto" }, fullName(user)),
      el(
        "small",
        {},
        [t(`status_${status}`), user.is_bot && t("bot"), user.id === session.userId && t("thatIsYou")]
          .filter(Boolean)
          .join(" · "),
      ),
    ),
    status !== "creator" &&
      iconButton(
        "dots",
        `${t("more")}: ${fullName(user)}`,
        (event) => openMenu({ anchor: event.currentTarget }, deeds(member)),
        {
          testid: "member-menu",
        },
      ),
  );
  node.dataset.userId = user.id;
  return node;
}

// --- the tab ---

const line = (name, value) =>
  value !== undefined && el("div", { class: "fact" }, el("span", {}, name), el("b", { dir: "auto" }, value));

function head(about) {
  return el(
    "section",
    { class: "panel-part about-head" },
    avatar(isGroup() ? about : session.bot, "large"),
    el("strong", { dir: "auto" }, isGroup() ? about.title : fullName(session.bot)),
    el(
      "small",
      {},
      isGroup()
        ? t(about.is_forum ? "typeForum" : about.type === "group" ? "typeGroup" : "typeSupergroup")
        : t("privateChat"),
    ),
  );
}

async function upgrade() {
  if (!(await confirm(t("migrateTitle"), t("migrateHint"), t("migrate")))) return;
  await migrate(session.chatId);
}

async function addSomebody(members) {
  const there = new Set(members.filter(isIn).map(({ user }) => user.id));
  const list = session.users.filter((user) => !there.has(user.id));
  if (!there.has(session.bot?.id)) list.push(session.bot);
  const user = await choose({ title: t("addMember"), list, empty: t("allAreHere") });
  if (!user) return;
  await change(user.id, "member");
}

function groupParts(about, members) {
  const inside = members.filter(isIn);
  const outside = members.filter((member) => !isIn(member));
  return [
    el(
      "section",
      { class: "panel-part" },
      el("h3", {}, t("membersCount", { count: inside.length })),
      el(
        "button",
        {
          type: "button",
          class: "option accent",
          testid: "member-add",
          onclick: run(() => addSomebody(members)),
        },
        el("span", { class: "avatar plus" }, icon("plus")),
        el("span", {}, t("addMember")),
      ),
      el("ul", { class: "members", testid: "members" }, [...inside, ...outside].map(memberRow)),
    ),
    el(
      "section",
      { class: "panel-part" },
      line("id", String(about.id)),
      about.username && line(t("username"), `@${about.username}`),
      about.type === "group" &&
        el(
          "button",
          { type: "button", class: "ghost", testid: "migrate", onclick: run(upgrade) },
          t("migrate"),
        ),
    ),
  ];
}

function privateParts() {
  const user = me();
  const entry = session.chats.find((one) => one.chat.id === user?.id);
  const box = el("input", {
    type: "checkbox",
    role: "switch",
    checked: entry?.blocked === true,
    onchange: () => block(user.id, box.checked).catch(fail),
  });
  return [
    el(
      "section",
      { class: "panel-part" },
      line("id", String(session.bot?.id ?? "")),
      session.bot?.username && line(t("username"), `@${session.bot.username}`),
      line(t("updatesBy"), t(session.bot?.webhook_url ? "byWebhook" : "byPolling")),
    ),
    user &&
      el(
        "section",
        { class: "panel-part" },
        el(
          "label",
          { class: "switch" },
          el("span", {}, t("blockBot"), el("small", {}, t("blockBotHint"))),
          box,
        ),
      ),
  ];
}

export function openAbout(panel) {
  let isOver = false;
  const draw = async () => {
    const about = chat();
    if (!about) return panel.replaceChildren(el("p", { class: "hint panel-empty" }, t("noUsers")));
    if (!isGroup()) return panel.replaceChildren(head(about), ...privateParts().filter(Boolean));
    const { members } = await getMembers(about.id);
    if (!isOver && chat()?.id === about.id) panel.replaceChildren(head(about), ...groupParts(about, members));
  };
  redraw = run(draw);
  redraw();
  return () => {
    isOver = true;
    redraw = () => {};
  };
}

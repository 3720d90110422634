// Whom the page talks as: the people at the side, the form that adds one, and what one can change about oneself.

import { $, avatar, el, fail, fullName, icon } from "./dom.js";
import { addUser, getStars, setStars } from "./api.js";
import { actions, button, openDialog } from "./dialogs.js";
import { language, number, t } from "./i18n.js";
import { openMenu } from "./menu.js";
import { me, session } from "./session.js";

const STORED = "aisha.user";
const news = new Map(); // user id → messages they have not seen, by chat
let drawn = "";
let balance = null; // of the chosen user, in Stars; null = not known
let onSelect = null;

const sum = (counts) => [...(counts?.values() ?? [])].reduce((a, b) => a + b, 0);

// --- unread messages ---

export const unread = (userId, chatId) => news.get(userId)?.get(chatId) ?? 0;
export const unreadElsewhere = () =>
  [...(news.get(session.userId) ?? [])].reduce(
    (all, [chatId, count]) => all + (chatId === session.chatId ? 0 : count),
    0,
  );

export function noteMessage(userId, chatId) {
  if (!news.has(userId)) news.set(userId, new Map());
  news.get(userId).set(chatId, unread(userId, chatId) + 1);
  drawUsers();
}

export function seen(userId, chatId) {
  news.get(userId)?.delete(chatId);
  drawUsers();
}

// --- the list ---

function entry(user) {
  const count = user.id === session.userId ? 0 : sum(news.get(user.id));
  const node = el(
    "button",
    {
      type: "button",
      class: "user",
      testid: "user",
      title: fullName(user),
      "aria-pressed": String(user.id === session.userId),
      onclick: () => select(user.id),
    },
    avatar(user),
    el("span", { dir: "auto" }, fullName(user)),
    count > 0 && el("b", { class: "badge", "aria-label": t("newMessages", { count }) }, count),
  );
  node.dataset.userId = user.id;
  return el("li", {}, node);
}

function drawWhoami() {
  const user = me();
  $("whoami-name").textContent = user ? fullName(user) : "";
  $("profile-open").disabled = !user;
  $("whoami-about").replaceChildren(
    ...(user
      ? [
          el("span", {}, [user.language_code, `id ${user.id}`].filter(Boolean).join(" · ")),
          balance !== null &&
            el("span", { class: "stars", testid: "balance" }, icon("star"), number(balance)),
        ].filter(Boolean)
      : []),
  );
}

export function drawUsers() {
  const user = me();
  const wanted = JSON.stringify([
    session.users,
    session.userId,
    [...news].map(([id, map]) => [id, sum(map)]),
    balance,
    language(),
  ]);
  if (wanted === drawn) return;
  drawn = wanted;
  const focused = document.activeElement?.closest?.(".user")?.dataset.userId;
  $("users").replaceChildren(...session.users.map(entry));
  if (focused) $("users").querySelector(`[data-user-id="${focused}"]`)?.focus({ preventScroll: true });
  $("users").querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  $("me").replaceChildren(...(user ? [avatar(user, "small")] : []));
  $("me").hidden = !user;
  $("me").title = user?.first_name ?? "";
  $("me").setAttribute("aria-label", `${t("talkAs")}: ${user?.first_name ?? ""}`);
  drawWhoami();
}

export async function readBalance() {
  const user = me();
  const stars = user && (await getStars(user.id).catch(() => null));
  if (!stars || user.id !== session.userId) return;
  balance = stars.user_balance;
  drawUsers();
}

export const currentBalance = () => balance;

function select(id) {
  const changed = id !== session.userId;
  session.userId = id;
  localStorage.setItem(STORED, id);
  if (changed) balance = null;
  drawUsers();
  if (changed) onSelect();
}

export function setUsers(list) {
  session.users = list;
  const remembered = session.userId ?? Number(localStorage.getItem(STORED));
  session.userId = (list.find((user) => user.id === remembered) ?? list[0])?.id ?? null;
  drawUsers();
}

// On a phone, where the list of people is another view.
function offerPeople() {
  openMenu({ anchor: $("me") }, [
    ...session.users.map((user) => ({
      face: avatar(user, "small"),
      label: fullName(user),
      checked: user.id === session.userId,
      testid: "menu-user",
      run: () => select(user.id),
    })),
    null,
    { icon: "plus", label: t("addUser"), run: offerUser },
  ]);
}

// --- a new one ---

export function offerUser() {
  $("user-problem").hidden = true;
  $("user-language").value = language();
  $("user-dialog").showModal();
  $("user-name").focus();
}

async function save(event) {
  event.preventDefault();
  const name = $("user-name").value.trim();
  if (!name) return;
  try {
    const user = await addUser({ first_name: name, language_code: $("user-language").value || undefined });
    if (!session.users.some((other) => other.id === user.id)) session.users = [...session.users, user];
    $("user-dialog").close();
    $("user-form").reset();
    select(user.id);
  } catch (error) {
    $("user-problem").textContent = error.message;
    $("user-problem").hidden = false;
  }
}

// --- oneself ---

function starsField(user) {
  const field = el("input", {
    type: "number",
    min: 0,
    max: 1000000,
    step: 1,
    value: balance,
    testid: "balance-input",
  });
  const set = () =>
    setStars(user.id, Math.max(0, Math.round(Number(field.value))))
      .then(readBalance)
      .catch(fail);
  field.addEventListener("change", set);
  return el("label", { class: "field" }, el("span", {}, t("starBalance")), field);
}

function openProfile() {
  const user = me();
  const dialog = openDialog(
    { title: fullName(user), testid: "profile" },
    el(
      "p",
      { class: "hint" },
      [user.username && `@${user.username}`, user.language_code, `id ${user.id}`].filter(Boolean).join(" · "),
    ),
    balance !== null && starsField(user),
    actions(button("primary", t("done"), () => dialog.close())),
  );
}

export function startUsers(selectHandler) {
  onSelect = selectHandler;
  $("user-add").addEventListener("click", offerUser);
  $("user-cancel").addEventListener("click", () => $("user-dialog").close());
  $("user-form").addEventListener("submit", save);
  $("me").addEventListener("click", offerPeople);
  $("profile-open").addEventListener("click", openProfile);
}

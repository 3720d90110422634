// Whom the page talks as: the list at the side, and the form that adds a person.

import { $, avatar, el } from "./dom.js";
import { addUser } from "./api.js";
import { language, t } from "./i18n.js";

const STORED = "aisha.user";
let users = [];
let selected = null;
let drawn = "";
const news = new Map();
let onSelect = null;

export const currentUser = () => users.find((user) => user.id === selected) ?? null;

// The list, where it lies over the chat.
function drawer(open) {
  if ($("app").classList.contains("with-people") === open) return;
  $("app").classList.toggle("with-people", open);
  $("chat").inert = open;
  $(open ? "people-close" : "people-open").focus();
}

function entry(user) {
  const count = news.get(user.id) ?? 0;
  const name = [user.first_name, user.last_name].filter(Boolean).join(" ");
  const button = el(
    "button",
    {
      type: "button",
      class: "user",
      testid: "user",
      "aria-pressed": String(user.id === selected),
      onclick: () => select(user.id),
    },
    avatar(user),
    el(
      "span",
      { class: "user-about" },
      el("strong", {}, name),
      el("small", {}, [user.language_code, `id ${user.id}`].filter(Boolean).join(" · ")),
    ),
    count > 0 && el("b", { class: "badge", "aria-label": t("newMessages", { count }) }, count),
  );
  button.dataset.userId = user.id;
  return el("li", {}, button);
}

export function drawUsers() {
  const user = currentUser();
  const wanted = JSON.stringify([users, selected, [...news], language()]);
  if (wanted === drawn) return;
  drawn = wanted;
  $("users").replaceChildren(...users.map(entry));
  $("users").querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest" });
  $("me").replaceChildren(...(user ? [avatar(user, "small")] : []));
  $("me").hidden = !user;
  $("me").title = user?.first_name ?? "";
  $("me").setAttribute("aria-label", `${t("talkAs")}: ${user?.first_name ?? ""}`);
}

function select(id) {
  drawer(false);
  news.delete(id);
  const changed = id !== selected;
  selected = id;
  localStorage.setItem(STORED, id);
  drawUsers();
  if (changed) onSelect();
}

export function setUsers(list) {
  users = list;
  const remembered = selected ?? Number(localStorage.getItem(STORED));
  selected = (users.find((user) => user.id === remembered) ?? users[0])?.id ?? null;
  drawUsers();
}

export function noteMessage(chatId) {
  if (!users.some((user) => user.id === chatId)) return;
  news.set(chatId, (news.get(chatId) ?? 0) + 1);
  drawUsers();
}

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
    if (!users.some((other) => other.id === user.id)) users = [...users, user];
    $("user-dialog").close();
    $("user-form").reset();
    select(user.id);
  } catch (error) {
    $("user-problem").textContent = error.message;
    $("user-problem").hidden = false;
  }
}

export function startUsers(selectHandler) {
  onSelect = selectHandler;
  $("user-add").addEventListener("click", offerUser);
  $("user-cancel").addEventListener("click", () => $("user-dialog").close());
  $("user-form").addEventListener("submit", save);
  for (const id of ["people-open", "me"]) $(id).addEventListener("click", () => drawer(true));
  $("people-close").addEventListener("click", () => drawer(false));
  $("scrim").addEventListener("click", () => drawer(false));
  $("people").addEventListener("keydown", (event) => {
    if (event.key === "Escape") drawer(false);
  });
}

// The chat page: joins the control API with the parts of the page.

import { follow, getChat, getState } from "./api.js";
import {
  allMessages,
  answered,
  currentAction,
  openChat,
  removeMessage,
  setAction,
  showMessage,
  startChat,
} from "./chat.js";
import { openDraft, say, setCommands, startComposer } from "./composer.js";
import { $, fail, focusInput } from "./dom.js";
import { startFiles } from "./files.js";
import { setLanguage, t, translatePage } from "./i18n.js";
import { checkReply, drawPlaceholder, replyTo, setReplyMarkup, startReply } from "./reply.js";
import { currentUser, drawUsers, noteMessage, offerUser, setUsers, startUsers } from "./users.js";
import { resetWire, startWire } from "./wire.js";

const STATUS_MS = 4000;

let bot = null;
let connected = null; // null until the first answer
let loading = null; // while the chat is being read: the events that came meanwhile

// --- header ---

function drawStatus() {
  const state = connected === null ? "unknown" : !connected ? "lost" : bot?.polling ? "online" : "offline";
  const words = { unknown: "connecting", lost: "noSandbox", online: "online", offline: "offline" };
  const action = state === "online" && currentAction();
  $("status").dataset.state = action ? "action" : state;
  $("status-text").textContent = action ? t(`action_${action}`) : t(words[state]);
  $("bot-name").textContent = bot?.first_name ?? "…";
  $("bot-name").title = bot?.username ? `@${bot.username}` : "";
  document.title = bot ? `${bot.first_name} · ${t("sandbox")}` : "Aisha";
}

function drawEmpty() {
  const user = currentUser();
  $("composer").classList.toggle("disabled", !user);
  $("composer").inert = !user;
  $("empty-text").textContent = t(user ? "emptyChat" : "noUsers");
  $("empty-action").textContent = t(user ? "start" : "addUser");
}

async function readState() {
  const state = await getState();
  bot = state.bot;
  setUsers(state.users ?? []);
  drawStatus();
  return state;
}

async function watchStatus() {
  if (connected && document.visibilityState === "visible") await readState().catch(() => {});
  setTimeout(watchStatus, STATUS_MS);
}

// --- the open chat ---

async function readChat() {
  const user = currentUser();
  const held = (loading = []);
  openDraft(user?.id ?? null);
  if (!user) openChat(null, bot, []);
  try {
    const chat = user && (await getChat(user.id));
    if (loading !== held) return chat?.revision;
    if (chat) {
      openChat(user, bot, chat.messages);
      setAction(chat.typing);
      setCommands(chat.commands);
    }
    checkReply();
    setReplyMarkup(chat?.reply_markup);
    drawEmpty();
    for (const event of held) if (event.revision > (chat?.revision ?? 0)) apply(event);
    return chat?.revision;
  } catch (error) {
    if (loading === held) openChat(user, bot, []);
    throw error;
  } finally {
    if (loading === held) loading = null;
  }
}

const readCommands = () => getChat(currentUser().id).then((chat) => setCommands(chat.commands), fail);

function apply(event) {
  const user = currentUser();
  if (event.type === "user")
    return readState()
      .then(() => currentUser()?.id !== user?.id && readChat())
      .catch(fail);
  if (event.type === "commands") return user && readCommands();
  if (event.chat_id !== undefined && event.chat_id !== user?.id) {
    if (event.type === "message" && event.message?.from?.is_bot) noteMessage(event.chat_id);
    return;
  }
  switch (event.type) {
    case "message":
    case "edit":
      showMessage(event.message);
      break;
    case "delete":
      removeMessage(event.message_id);
      checkReply();
      break;
    case "answer_callback":
      answered(event);
      break;
    case "chat_action":
      setAction(event.action);
      break;
    case "reply_markup":
      setReplyMarkup(event.reply_markup);
      break;
  }
}

function applyAll(events) {
  if (loading) loading.push(...events);
  else events.forEach(apply);
}

// Runs a call of the control API as the selected user; what it makes comes back as an event.
const post = (call) => call(currentUser().id);

function showLost(lost, error) {
  connected = !lost;
  $("offline").hidden = !lost;
  $("offline-reason").textContent = error?.status ? error.message : "";
  drawStatus();
}

// --- start ---

function translate(code) {
  setLanguage(code);
  translatePage();
  drawStatus();
  drawUsers();
  drawEmpty();
  drawPlaceholder();
  openChat(currentUser(), bot, allMessages());
}

translatePage();
drawStatus();
startUsers(() => {
  readChat().catch(fail);
  focusInput();
});
startChat({
  command: (text) => say(text).catch(fail),
  onAction: drawStatus,
  onReply(message) {
    replyTo(message);
    $("input").focus();
  },
});
startComposer(post);
startReply(say);
startFiles(post, () => currentUser() !== null && !document.querySelector("dialog[open]:not(#file-dialog)"));
startWire();
$("empty-action").addEventListener("click", () => (currentUser() ? say("/start").catch(fail) : offerUser()));
for (const button of document.querySelectorAll("[data-lang]"))
  button.addEventListener("click", () => translate(button.dataset.lang));
follow({
  async start() {
    const state = await readState();
    resetWire();
    return (await readChat()) ?? state.revision;
  },
  events: applyAll,
  lost: showLost,
});
watchStatus();

// The chat page: joins the control API with the parts of the page.

import { membersChanged, openAbout } from "./about.js";
import {
  block,
  follow,
  getChat,
  getChats,
  getFaults,
  getMembers,
  getState,
  joinBy,
  react,
  setMember,
  vote,
} from "./api.js";
import { drawChats, noteLast, setChats, startChats } from "./chats.js";
import {
  answered,
  currentAction,
  findMessage,
  jump,
  openChat,
  redrawChat,
  receiptOf,
  removeAside,
  removeMessage,
  setAction,
  setReactions,
  setReceipt,
  setVote,
  showAside,
  showDraft,
  showMessage,
  startChat,
} from "./chat.js";
import { drawShift, openClock, readClock } from "./clock.js";
import { endEdit, openDraft, say, setCommands, startComposer, startEdit, write } from "./composer.js";
import { $, avatar, fail, focusInput, fullName, toast } from "./dom.js";
import { openTab, redrawDrawer, startDrawer } from "./drawer.js";
import { drawArmed, openFaults } from "./faults.js";
import { startFiles } from "./files.js";
import { setLanguage, t, translatePage } from "./i18n.js";
import { inspectMessage, openInspector } from "./inspector.js";
import { linkTo } from "./links.js";
import { messageMenu } from "./msgmenu.js";
import { startNavigation, toChat } from "./nav.js";
import { payMessage, paySlug } from "./pay.js";
import { drawPinned, setPinned, startPinned } from "./pinned.js";
import { checkReply, drawPlaceholder, replyTo, setReplyMarkup, startReply } from "./reply.js";
import { chat, here, isBlockedBot, isForum, isGroup, me, membership, session, threadOf } from "./session.js";
import { drawTopics, forgetTopics, noteTopic, readTopics, startTopics } from "./topics.js";
import { drawUsers, noteMessage, offerUser, readBalance, seen, setUsers, startUsers } from "./users.js";
import { openWire } from "./wire.js";

const STATUS_MS = 4000;
const STORED_CHAT = "aisha.chat";

let connected = null; // null until the first answer
let loading = null; // while the chat is being read: the events that came meanwhile
let memberCount = 0; // of the open group

// --- the head of the chat ---

const isRunning = () => session.bot?.polling || Boolean(session.bot?.webhook_url);

function statusText(state) {
  if (state === "action") return t(`action_${currentAction()}`);
  const words = { unknown: "connecting", lost: "noSandbox", offline: "offline" };
  if (words[state]) return t(words[state]);
  return isGroup() && memberCount ? t("membersCount", { count: memberCount }) : t("online");
}

function drawHead() {
  const state = connected === null ? "unknown" : !connected ? "lost" : isRunning() ? "online" : "offline";
  const isActing = state === "online" && currentAction();
  const bot = session.bot;
  const name = isGroup() ? chat()?.title : bot && fullName(bot);
  $("status").dataset.state = isActing ? "action" : state;
  $("status-text").textContent = statusText(isActing ? "action" : state);
  $("bot-name").textContent = name ?? "…";
  $("bot-name").title = isGroup() || !bot?.username ? "" : `@${bot.username}`;
  $("bar-face").replaceChildren(avatar(isGroup() && chat() ? chat() : { is_bot: true }));
  document.title = name ? `${name} · ${t("sandbox")}` : "Aisha";
}

// Why one cannot write here, if one cannot.
function drawComposer() {
  const user = me();
  const status = membership()?.status;
  const isAway = isGroup() && ["left", "kicked"].includes(status);
  const isBlocked = isBlockedBot();
  $("composer").classList.toggle("disabled", !user);
  $("composer").inert = !user;
  $("barred").hidden = !isAway && !isBlocked;
  $("form").hidden = isAway || isBlocked || !$("recording").hidden;
  $("keys").classList.toggle("away", isAway || isBlocked);
  $("barred-text").textContent = isBlocked ? t("youBlocked") : isAway ? t("youLeft") : "";
  $("barred-action").textContent = t(isBlocked ? "unblock" : "joinAgain");
}

function drawEmpty() {
  const user = me();
  $("empty-text").textContent = t(!user ? "noUsers" : isGroup() ? "emptyGroup" : "emptyChat");
  $("empty-action").textContent = t(user ? "start" : "addUser");
  $("empty-action").hidden = Boolean(user) && isGroup();
}

async function unbar() {
  if (isGroup()) await setMember(session.chatId, session.userId, "member");
  else await block(session.userId, false);
}

async function readState() {
  const state = await getState();
  session.bot = state.bot;
  setUsers(state.users ?? []);
  drawHead();
  return state;
}

const readArmed = () =>
  getFaults().then(
    ({ faults }) => drawArmed(faults.length),
    () => {},
  );

async function watchStatus() {
  if (connected && document.visibilityState === "visible") {
    await readState().catch(() => {});
    if (!$("armed").hidden) await readArmed(); // what is armed for a time ends by itself
  }
  setTimeout(watchStatus, STATUS_MS);
}

// --- the chats of the user ---

const chatKey = () => `${STORED_CHAT}.${session.userId}`;

async function readChats() {
  const userId = session.userId;
  if (!userId) return setChats([]);
  const [{ chats }, { chats: all }] = await Promise.all([getChats(userId), getChats()]);
  if (userId !== session.userId) return;
  setChats(chats, all);
  drawComposer();
}

function chooseChat() {
  const wanted = Number(localStorage.getItem(chatKey()));
  const known = session.chats.some((entry) => entry.chat.id === wanted);
  session.chatId = known ? wanted : session.userId;
  session.threadId = 0;
}

async function selectChat(chatId, isNew = false) {
  if (isNew) await readChats();
  if (chatId === session.chatId && !isNew) return toChat();
  session.chatId = chatId;
  session.threadId = 0;
  localStorage.setItem(chatKey(), chatId);
  toChat();
  await readChat();
  focusInput();
}

async function selectUser() {
  await readChats();
  chooseChat();
  await readChat();
  focusInput();
}

// --- the open chat ---

const showPinned = (ids = []) => setPinned(ids.map(findMessage).filter(Boolean));

function showChat(answer) {
  openChat(answer);
  setAction(answer.typing);
  setCommands(answer.commands);
  showPinned(answer.pinned);
  for (const draft of answer.drafts ?? []) showDraft(draft);
}

async function readChat() {
  const chatId = session.chatId;
  const held = (loading = []);
  openDraft();
  forgetTopics();
  memberCount = 0;
  seen(session.userId, chatId);
  drawChats();
  drawHead();
  drawComposer();
  drawEmpty();
  if (chatId === null) openChat({});
  try {
    const answer = chatId !== null && (await getChat(chatId, session.userId));
    if (loading !== held) return answer?.revision;
    if (answer) showChat(answer);
    checkReply();
    setReplyMarkup(answer?.reply_markup);
    redrawDrawer();
    if (isForum()) await readTopics();
    if (isGroup()) readMembers();
    for (const event of held) if (event.revision > (answer?.revision ?? 0)) apply(event);
    return answer?.revision;
  } catch (error) {
    if (loading === held) openChat({});
    throw error;
  } finally {
    if (loading === held) loading = null;
  }
}

async function readMembers() {
  const chatId = session.chatId;
  const { members } = await getMembers(chatId).catch(() => ({ members: [] }));
  if (chatId !== session.chatId) return;
  memberCount = members.filter(({ status }) => !["left", "kicked"].includes(status)).length;
  drawHead();
}

const readCommands = () => getChat(session.chatId).then(({ commands }) => setCommands(commands), fail);

// --- events ---

async function onUsers() {
  const before = session.userId;
  await readState();
  if (session.userId !== before) await selectUser();
}

async function onChats(event) {
  await readChats();
  if (event.chat_id !== session.chatId) return;
  if (!session.chats.some((entry) => entry.chat.id === session.chatId)) return selectUser();
  drawHead();
  drawEmpty();
  if (isGroup()) readMembers();
  membersChanged();
  if (isForum()) readTopics().catch(fail);
}

// A message somewhere else than in the open chat.
function onOtherMessage({ chat_id: chatId, message, type }) {
  if (type !== "message" || !message) return;
  const isKnown = noteLast(message);
  if (!isKnown && chatId < 0) return readChats().catch(fail);
  if (message.from?.id === session.userId) return;
  const whose = chatId > 0 ? chatId : session.userId;
  if (chatId > 0 ? message.from?.is_bot : isKnown) noteMessage(whose, chatId);
  drawChats();
}

function onMessage({ message }) {
  showMessage(message);
  noteLast(message);
  if (isForum() && threadOf(message) !== session.threadId) noteTopic(threadOf(message));
}

function onPayment(event) {
  if (event.user_id !== session.userId) return;
  readBalance();
  const isHere = event.status === "paid" && event.invoice_chat_id === session.chatId;
  if (isHere) setReceipt(event.message_id, event.receipt_id);
}

// What only one member of a group sees. It has numbers of its own: it stands after what was last when it came.
function onEphemeral(event) {
  if (event.user_id !== session.userId) return;
  if (event.message) showAside(event.ephemeral_message_id, event.message);
  else removeAside(event.ephemeral_message_id);
}

const HERE = {
  ephemeral: onEphemeral,
  message: onMessage,
  edit: ({ message }) => showMessage(message),
  delete: (event) => {
    removeMessage(event.message_id);
    checkReply();
  },
  chat_action: (event) => setAction(event.action),
  reply_markup: (event) => setReplyMarkup(event.reply_markup),
  draft: showDraft,
  pin: (event) => showPinned(event.message_ids),
  poll: (event) => event.message && showMessage(event.message),
  reaction: (event) => setReactions(event.message_id, event.reactions),
};

const EVERYWHERE = {
  user: () => onUsers().catch(fail),
  chat: (event) => onChats(event).catch(fail),
  commands: () => session.userId && readCommands(),
  clock: (event) => drawShift(event.offset_s ?? 0),
  faults: readArmed,
  answer_callback: answered,
  payment: onPayment,
};

function apply(event) {
  if (EVERYWHERE[event.type]) return EVERYWHERE[event.type](event);
  if (event.chat_id !== session.chatId) return onOtherMessage(event);
  HERE[event.type]?.(event);
}

function applyAll(events) {
  if (loading) loading.push(...events);
  else events.forEach(apply);
}

function showLost(lost, error) {
  connected = !lost;
  $("offline").hidden = !lost;
  $("offline-reason").textContent = error?.status ? error.message : "";
  drawHead();
}

// --- what one can do in the chat ---

function reply(message) {
  replyTo(message);
  $("input").focus();
}

async function look(message) {
  inspectMessage(message);
  openTab("inspector");
}

async function castVote(message, options) {
  await vote(here(), message.message_id, options);
  setVote(message, options);
}

const inPrivate = async (text) => {
  if (isGroup()) await selectChat(session.userId);
  await say(text);
};

// An invoice is paid once; then its button leads to the receipt.
async function openBill(message) {
  const receipt = receiptOf(message.message_id);
  if (!receipt) return payMessage(message);
  if (isGroup()) await selectChat(session.userId);
  jump(receipt);
}

async function join(invite) {
  const answer = await joinBy(session.userId, invite);
  if (answer.is_request) toast(t("askedToJoin"));
  else await selectChat(answer.chat_id, true);
}

const actions = {
  say: (text) => say(text).catch(fail),
  reply,
  menu: (message, where) =>
    messageMenu(message, where, { reply, edit: startEdit, inspect: look, open: selectChat }),
  react: (message, emoji) => react(here(), message.message_id, emoji).catch(fail),
  vote: (message, options) => castVote(message, options).catch(fail),
  pay: openBill,
  inspect: look,
  writeInline: (query) => write(`@${session.bot.username} ${query}`),
  link: (address) =>
    linkTo(address, {
      botName: () => session.bot?.username,
      paySlug,
      join: (invite) => join(invite).catch(fail),
      start: (payload) => inPrivate(payload ? `/start ${payload}` : "/start").catch(fail),
    }),
};

// --- start ---

function translate(code) {
  setLanguage(code);
  translatePage();
  drawHead();
  drawUsers();
  drawChats();
  drawTopics();
  drawPinned();
  drawComposer();
  drawEmpty();
  drawPlaceholder();
  redrawChat();
  redrawDrawer();
}

translatePage();
startNavigation();
drawHead();
startUsers(() => selectUser().catch(fail));
startChats(selectChat);
startTopics(() => {
  openDraft();
  redrawChat();
});
startPinned({ jump });
startChat({ onAction: drawHead, actions });
startComposer();
startReply(say, endEdit);
startFiles(() => me() !== null && !document.querySelector("dialog[open]:not(#file-dialog)"));
startDrawer([
  { name: "about", icon: "info", open: openAbout },
  { name: "faults", icon: "bolt", open: openFaults },
  { name: "requests", icon: "code", open: openWire },
  { name: "inspector", icon: "look", open: openInspector },
  { name: "clock", icon: "clock", open: openClock },
]);
$("about").addEventListener("click", () => openTab("about"));
$("armed").addEventListener("click", () => openTab("faults"));
$("shifted").addEventListener("click", () => openTab("clock"));
$("barred-action").addEventListener("click", () => unbar().catch(fail));
$("empty-action").addEventListener("click", () => (me() ? say("/start").catch(fail) : offerUser()));
for (const button of document.querySelectorAll("[data-lang]"))
  button.addEventListener("click", () => translate(button.dataset.lang));
follow({
  async start() {
    const state = await readState();
    readClock();
    readArmed();
    readBalance();
    await readChats();
    if (!session.chats.some((entry) => entry.chat.id === session.chatId)) chooseChat();
    return (await readChat()) ?? state.revision;
  },
  events: applyAll,
  lost: showLost,
});
watchStatus();

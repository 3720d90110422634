// The sandbox's control API: one function per call, and the long poll that keeps the page live.
// A place is what session.js's here() gives: the user, and the group and topic.

import { t } from "./i18n.js";

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(`/sandbox/${path}`, options);
  } catch (cause) {
    if (cause.name === "AbortError") throw cause;
    throw new ApiError(t("unreachable"), 0);
  }
  const body = await response.json().catch(() => null);
  if (!response.ok) {
    const reason = typeof body?.error === "string" ? body.error : body?.description;
    throw new ApiError(reason || t("httpError", { status: response.status }), response.status);
  }
  if (body === null) throw new ApiError(t("badAnswer"), response.status);
  return body;
}

const post = (path, body) =>
  request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

export const getState = () => request("state");
export const getChats = (userId) => request(userId ? `chats?user_id=${userId}` : "chats");
export const getChat = (chatId, userId) =>
  request(`chats/${chatId}/messages${userId ? `?user_id=${userId}` : ""}`);
export const addUser = (user) => post("users", user);
export const addChat = (userId, type, title, isForum) =>
  post("chats", { user_id: userId, type, title, ...(isForum && { is_forum: true }) });
export const sendText = (place, text, replyTo) =>
  post("send", { ...place, text, reply_to_message_id: replyTo });
export const editText = (place, messageId, text) => post("edit", { ...place, message_id: messageId, text });
export const press = (place, messageId, data) => post("press", { ...place, message_id: messageId, data });
export const block = (userId, blocked) => post("block", { user_id: userId, blocked });
export const fileUrl = (fileId) => `/sandbox/files/${encodeURIComponent(fileId)}`;

export function upload(place, kind, file, { name, seconds, caption, replyTo, album }) {
  const query = new URLSearchParams({
    ...place,
    kind: kind.replace("_raw", ""),
    file_name: name,
    mime: file.type || "application/octet-stream",
  });
  if (seconds) query.set("duration", Math.max(1, Math.round(seconds)));
  if (caption) query.set("caption", caption);
  if (replyTo) query.set("reply_to_message_id", replyTo);
  if (album) query.set("media_group_id", album);
  if (kind.endsWith("_raw")) query.set("raw", 1);
  return request(`upload?${query}`, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: file,
  });
}

// --- members and topics ---

export const getMembers = (chatId) => request(`members?chat_id=${chatId}`);
// how: {by: who does it, when it is somebody else; bot: whether it is done to the bot}.
export const setMember = (chatId, userId, status, how = {}) =>
  post("members", { chat_id: chatId, user_id: userId, status, ...how });
export const joinBy = (userId, invite) => post("members", { user_id: userId, invite_link: invite });
export const getTopics = (chatId) => request(`topics?chat_id=${chatId}`);
export const addTopic = (userId, chatId, name) => post("topics", { user_id: userId, chat_id: chatId, name });
export const migrate = (chatId) => post("migrate", { chat_id: chatId });

// --- what users do with messages ---

export const vote = (place, messageId, optionIds) =>
  post("vote", { ...place, message_id: messageId, option_ids: optionIds });
export const react = (place, messageId, emoji) => post("react", { ...place, message_id: messageId, emoji });
export const share = (place, what) => post("share", { ...place, ...what });
export const deleteMessage = (place, messageId) => post("delete", { ...place, message_id: messageId });
export const pin = (place, messageId, pinned) => post("pin", { ...place, message_id: messageId, pinned });
export const askInline = (place, query) => post("inline", { ...place, query });
export const getInline = (queryId, timeout) => request(`inline/${queryId}/results?timeout=${timeout}`);
export const chooseInline = (place, queryId, resultId) =>
  post("choose", { chat_id: place.user_id, ...place, inline_query_id: queryId, result_id: resultId });

// --- payments ---

export const pay = (what, outcome) => post("pay", { ...what, outcome });
export const getInvoice = (slug) => request(`invoices/${encodeURIComponent(slug)}`);
export const getStars = (userId) => request(`stars?user_id=${userId}`);
export const setStars = (userId, balance) => post("stars", { user_id: userId, balance });

// --- the tools ---

export const getRequests = (after) => request(`requests?after=${after}`);
export const getFaults = () => request("faults");
export const orderFault = (fault) => post("faults", fault);
export const cancelFaults = (id) =>
  request(id === undefined ? "faults" : `faults?id=${id}`, { method: "DELETE" });
export const getFal = () => request("fal");
export const setFal = (settings) => post("fal", settings);
export const rotateFalKey = () => post("fal/key", {});
export const getClock = () => request("clock");
export const setClock = (change) => post("clock", change);
export const getLimits = () => request("limits");
export const setLimits = (limits) => post("limits", limits);
export const inspect = (chatId) => request(`inspect?chat_id=${chatId}`);

const RETRY_MS = [300, 700, 1500, 3000];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Calls start() to learn the revision to follow, then events(list) for every batch. After a failure, and when
// events cannot tell what happened (the sandbox was restarted or reset, or has forgotten some), it starts over;
// lost(true/false) tells the page.
export async function follow({ start, events, lost }) {
  for (let failures = 0; ;) {
    try {
      let revision = await start();
      lost(false);
      failures = 0;
      for (;;) {
        const batch = await request(`events?after=${revision}&timeout=25`);
        if (batch.revision < revision || batch.gap || batch.events.some(({ type }) => type === "reset"))
          break;
        revision = batch.revision;
        await events(batch.events);
      }
    } catch (error) {
      lost(true, error);
      await pause(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    }
  }
}

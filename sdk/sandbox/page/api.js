// The sandbox's control API: one function per call, and the long poll that keeps the page live.

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
export const getChat = (chatId) => request(`chats/${chatId}/messages`);
export const getRequests = (after) => request(`requests?after=${after}`);
export const addUser = (user) => post("users", user);
export const sendText = (userId, text, replyTo) =>
  post("send", { user_id: userId, text, reply_to_message_id: replyTo });
export const press = (userId, messageId, data) =>
  post("press", { user_id: userId, message_id: messageId, data });
export const fileUrl = (fileId) => `/sandbox/files/${encodeURIComponent(fileId)}`;

export function upload(userId, kind, file, { name, seconds, caption, replyTo }) {
  const query = new URLSearchParams({
    user_id: userId,
    kind: kind.replace("_raw", ""),
    file_name: name,
    mime: file.type || "application/octet-stream",
  });
  if (seconds) query.set("duration", Math.max(1, Math.round(seconds)));
  if (caption) query.set("caption", caption);
  if (replyTo) query.set("reply_to_message_id", replyTo);
  if (kind.endsWith("_raw")) query.set("raw", 1);
  return request(`upload?${query}`, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: file,
  });
}

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
        if (batch.revision < revision || batch.gap || batch.events.some(({ type }) => type === "reset")) break;
        revision = batch.revision;
        await events(batch.events);
      }
    } catch (error) {
      lost(true, error);
      await pause(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    }
  }
}

// What one can do with a message: react, reply, edit, copy, forward, pin, delete, look at it as it is.

import { copyText, fail } from "./dom.js";
import { deleteMessage, pin, react, share } from "./api.js";
import { choose, confirm } from "./dialogs.js";
import { t } from "./i18n.js";
import { openMenu } from "./menu.js";
import { isPinned } from "./pinned.js";
import { here, isGroup, membership, session } from "./session.js";
import { isService } from "./service.js";

const FACES = ["👍", "❤", "🔥", "🎉", "😁", "😢", "👎"];

const isMine = (message) =>
  !message.from?.is_bot && !message.sender_business_bot && message.from?.id === session.userId;
const isAdmin = () => ["administrator", "creator"].includes(membership()?.status);

async function forward(message, open) {
  const chat = await choose({
    title: t("forwardTo"),
    empty: t("nothingHere"),
    list: session.chats.map((entry) =>
      entry.chat.type === "private" ? { ...session.bot, id: entry.chat.id, title: undefined } : entry.chat,
    ),
  });
  if (!chat) return;
  const place = { user_id: session.userId, ...(chat.id < 0 && { chat_id: chat.id }) };
  await share(place, { forward: { from_chat_id: session.chatId, message_id: message.message_id } });
  if (chat.id !== session.chatId) await open(chat.id);
}

async function remove(message) {
  if (!(await confirm(t("deleteMessage"), t("deleteHint"), t("delete"), true))) return;
  await deleteMessage(here(), message.message_id);
}

const run = (task) => () => Promise.resolve(task()).catch(fail);

// doing: reply(message), edit(message), inspect(message), open(chatId).
export function messageMenu(message, where, doing) {
  const text = message.text ?? message.caption;
  const isNews = isService(message);
  const canDelete = isMine(message) || !isGroup();
  const pinned = isPinned(message.message_id);
  const faces = isNews
    ? []
    : FACES.map((emoji) => ({
        text: emoji,
        label: t("reactWith", { emoji }),
        run: run(() => react(here(), message.message_id, emoji)),
      }));
  openMenu(
    where,
    [
      !isNews && { icon: "reply", label: t("reply"), testid: "menu-reply", run: () => doing.reply(message) },
      isMine(message) &&
        message.text !== undefined &&
        !message.via_bot &&
        !message.forward_origin && {
          icon: "edit",
          label: t("edit"),
          testid: "menu-edit",
          run: () => doing.edit(message),
        },
      text !== undefined && {
        icon: "copy",
        label: t("copyText"),
        testid: "menu-copy",
        run: () => copyText(text, t("copied")),
      },
      !isNews && {
        icon: "forward",
        label: t("forward"),
        testid: "menu-forward",
        run: run(() => forward(message, doing.open)),
      },
      !isNews &&
        (!isGroup() || isAdmin()) && {
          icon: "pin",
          label: t(pinned ? "unpin" : "pin"),
          testid: "menu-pin",
          run: run(() => pin(here(), message.message_id, !pinned)),
        },
      { icon: "code", label: t("asJson"), testid: "menu-json", run: () => doing.inspect(message) },
      canDelete && null,
      canDelete && {
        icon: "trash",
        label: t("delete"),
        danger: true,
        testid: "menu-delete",
        run: run(() => remove(message)),
      },
    ],
    faces,
  );
}

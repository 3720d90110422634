// Who talks, and where: what all parts of the page look at.

export const session = {
  bot: null,
  users: [],
  userId: null,
  chats: [], // of that user, as the control API shows them
  chatId: null,
  threadId: 0, // of the topic; 0 = the general one, or none
};

export const me = () => session.users.find(({ id }) => id === session.userId) ?? null;
export const userOf = (id) =>
  session.users.find((user) => user.id === id) ?? (id === session.bot?.id ? session.bot : null);

const entryOf = (chatId) => session.chats.find(({ chat }) => chat.id === chatId);
export const chat = () => entryOf(session.chatId)?.chat ?? null;
export const membership = () => entryOf(session.chatId)?.member ?? null;
export const isBlockedBot = () => session.chatId > 0 && entryOf(session.chatId)?.blocked === true;
export const isGroup = () => session.chatId < 0;
export const isForum = () => chat()?.is_forum === true;

// Of a message, in a forum: the topic it stands in.
export const threadOf = (message) => (message.is_topic_message ? message.message_thread_id : 0);

// Where the user is, as the calls of the control API take it.
export const here = () => ({
  user_id: session.userId,
  ...(isGroup() && { chat_id: session.chatId }),
  ...(session.threadId && { message_thread_id: session.threadId }),
});

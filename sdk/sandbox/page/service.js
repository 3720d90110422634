// What happened in a chat, in the middle of it: who came and went, titles, pins, payments.

import { el, fullName, icon } from "./dom.js";
import { amount, duration, t } from "./i18n.js";
import { attached } from "./media.js";

const names = (users) => users.map(fullName).join(", ");
const who = (message) => fullName(message.from) || message.sender_chat?.title || "";

const joined = (message) => {
  const [first] = message.new_chat_members;
  const isSelf = message.new_chat_members.length === 1 && first.id === message.from?.id;
  return t(isSelf ? "svcJoined" : "svcAdded", { name: who(message), whom: names(message.new_chat_members) });
};
const left = (message) => {
  const isSelf = message.left_chat_member.id === message.from?.id;
  return t(isSelf ? "svcLeft" : "svcRemoved", {
    name: who(message),
    whom: fullName(message.left_chat_member),
  });
};
const topic = (key) => (message) =>
  t(key, {
    name: who(message),
    title: message[Object.keys(message).find((n) => n.startsWith("forum_topic_"))]?.name ?? "",
  });
const plain = (key) => (message) => t(key, { name: who(message) });

const TEXTS = {
  new_chat_members: joined,
  left_chat_member: left,
  new_chat_title: (message) => t("svcTitle", { name: who(message), title: message.new_chat_title }),
  new_chat_photo: plain("svcPhoto"),
  delete_chat_photo: plain("svcPhotoGone"),
  group_chat_created: (message) => t("svcCreated", { name: who(message), title: message.chat?.title ?? "" }),
  supergroup_chat_created: (message) =>
    t("svcCreated", { name: who(message), title: message.chat?.title ?? "" }),
  migrate_to_chat_id: () => t("svcMigratedTo"),
  migrate_from_chat_id: () => t("svcMigratedFrom"),
  pinned_message: plain("svcPinned"),
  message_auto_delete_timer_changed: (message) =>
    t("svcTimer", {
      name: who(message),
      time: duration(message.message_auto_delete_timer_changed.message_auto_delete_time),
    }),
  successful_payment: (message) =>
    t("svcPaid", {
      name: who(message),
      sum: amount(message.successful_payment.total_amount, message.successful_payment.currency),
    }),
  refunded_payment: (message) =>
    t("svcRefunded", {
      sum: amount(message.refunded_payment.total_amount, message.refunded_payment.currency),
    }),
  users_shared: (message) => {
    const users = message.users_shared.users ?? [];
    return t("svcUsersShared", {
      name: who(message),
      whom: users.map((user) => fullName(user) || user.user_id).join(", "),
    });
  },
  chat_shared: (message) =>
    t("svcChatShared", {
      name: who(message),
      title: message.chat_shared.title ?? message.chat_shared.chat_id,
    }),
  forum_topic_created: topic("svcTopicCreated"),
  forum_topic_edited: topic("svcTopicEdited"),
  forum_topic_closed: plain("svcTopicClosed"),
  forum_topic_reopened: plain("svcTopicReopened"),
  general_forum_topic_hidden: plain("svcGeneralHidden"),
  general_forum_topic_unhidden: plain("svcGeneralShown"),
  write_access_allowed: plain("svcWriteAccess"),
  connected_website: (message) => t("svcWebsite", { site: message.connected_website }),
  proximity_alert_triggered: (message) =>
    t("svcProximity", {
      name: fullName(message.proximity_alert_triggered.traveler),
      whom: fullName(message.proximity_alert_triggered.watcher),
      count: message.proximity_alert_triggered.distance,
    }),
  checklist_tasks_done: (message) => t("svcTasksDone", { name: who(message) }),
  checklist_tasks_added: (message) =>
    t("svcTasksAdded", { name: who(message), count: message.checklist_tasks_added.tasks?.length ?? 0 }),
  web_app_data: (message) => t("svcWebApp", { title: message.web_app_data.button_text }),
  boost_added: (message) => t("svcBoost", { name: who(message), count: message.boost_added.boost_count }),
  chat_background_set: plain("svcBackground"),
  video_chat_started: plain("svcCallStarted"),
  video_chat_ended: (message) => t("svcCallEnded", { time: duration(message.video_chat_ended.duration) }),
  video_chat_scheduled: plain("svcCallScheduled"),
  video_chat_participants_invited: (message) =>
    t("svcCallInvited", {
      name: who(message),
      whom: names(message.video_chat_participants_invited.users ?? []),
    }),
};

// Other things that are no messages of anybody: named by their field.
const OTHERS = [
  "chat_owner_left",
  "chat_owner_changed",
  "gift",
  "unique_gift",
  "gift_upgrade_sent",
  "passport_data",
  "community_chat_added",
  "community_chat_joined",
  "community_chat_removed",
  "direct_message_price_changed",
  "giveaway_created",
  "giveaway_completed",
  "managed_bot_created",
  "paid_message_price_changed",
  "poll_option_added",
  "poll_option_deleted",
  "suggested_post_approved",
  "suggested_post_approval_failed",
  "suggested_post_declined",
  "suggested_post_paid",
  "suggested_post_refunded",
  "channel_chat_created",
];

const kindOf = (message) => Object.keys(TEXTS).find((name) => message[name] !== undefined);
const otherOf = (message) => OTHERS.find((name) => message[name] !== undefined);

export const isService = (message) => kindOf(message) !== undefined || otherOf(message) !== undefined;

export function serviceText(message) {
  const kind = kindOf(message);
  return kind
    ? TEXTS[kind](message)
    : t("svcOther", { name: who(message), what: otherOf(message).replaceAll("_", " ") });
}

function receipt(message, actions) {
  const payment = message.successful_payment ?? message.refunded_payment;
  return el(
    "button",
    {
      type: "button",
      class: `receipt ${message.refunded_payment ? "refund" : ""}`,
      testid: message.refunded_payment ? "refund" : "receipt",
      title: payment.telegram_payment_charge_id,
      onclick: () => actions.inspect(message),
    },
    icon(message.refunded_payment ? "reply" : "check"),
    el("span", {}, serviceText(message)),
  );
}

export function service(message, context, actions) {
  if (message.successful_payment || message.refunded_payment) return receipt(message, actions);
  const pinned = message.pinned_message?.message_id;
  const text = el(
    pinned ? "button" : "span",
    {
      class: "service-text",
      dir: "auto",
      ...(pinned && { type: "button", onclick: () => actions.jump(pinned) }),
    },
    serviceText(message),
  );
  if (!message.new_chat_photo?.length) return text;
  return el(
    "div",
    { class: "service-photo" },
    text,
    attached({ ...message, photo: message.new_chat_photo }, actions),
  );
}

// The topics of a forum, as tabs above its messages.

import { $, el, fail, icon } from "./dom.js";
import { addTopic, getTopics } from "./api.js";
import { actions, button, openDialog } from "./dialogs.js";
import { t } from "./i18n.js";
import { isForum, session } from "./session.js";

const GENERAL = 1; // its messages have no thread

let topics = [];
let fresh = new Map(); // topic → messages not seen
let onChange = null;

function tab({ message_thread_id: thread, name, icon_color: colour = 0x6fb9f0, is_closed: isClosed }) {
  const id = thread === GENERAL ? 0 : thread;
  const count = fresh.get(id) ?? 0;
  const node = el(
    "button",
    {
      type: "button",
      role: "tab",
      class: "topic",
      testid: "topic",
      "aria-selected": String(id === session.threadId),
      onclick: () => choose(id),
    },
    id === 0 ? el("b", { "aria-hidden": "true" }, "#") : el("i"),
    el("span", { dir: "auto" }, id === 0 && name === "General" ? t("general") : name),
    isClosed && icon("block"),
    count > 0 && el("b", { class: "badge", "aria-label": t("newMessages", { count }) }, count),
  );
  node.style.setProperty("--topic", `#${colour.toString(16).padStart(6, "0")}`);
  return node;
}

export function drawTopics() {
  const shown = isForum();
  $("topics").hidden = !shown;
  if (!shown) return $("topics").replaceChildren();
  $("topics").replaceChildren(
    ...topics.map(tab),
    el(
      "button",
      {
        type: "button",
        class: "topic",
        testid: "topic-add",
        title: t("newTopic"),
        "aria-label": t("newTopic"),
        onclick: offerTopic,
      },
      icon("plus"),
    ),
  );
  $("topics").querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function choose(id) {
  if (id === session.threadId) return;
  session.threadId = id;
  fresh.delete(id);
  drawTopics();
  onChange();
}

// A message in a topic that is not the shown one.
export function noteTopic(id) {
  fresh.set(id, (fresh.get(id) ?? 0) + 1);
  if (topics.some((topic) => topic.message_thread_id === (id || GENERAL))) drawTopics();
  else readTopics();
}

function offerTopic() {
  const name = el("input", { maxLength: 128, required: true, autocomplete: "off", testid: "topic-name" });
  const make = (event) => {
    event.preventDefault();
    dialog.close();
    addTopic(session.userId, session.chatId, name.value.trim())
      .then((topic) => readTopics().then(() => choose(topic.message_thread_id)))
      .catch(fail);
  };
  const dialog = openDialog(
    { title: t("newTopic"), testid: "topic-dialog" },
    el(
      "form",
      { class: "stack", onsubmit: make },
      el("label", { class: "field" }, el("span", {}, t("topicName")), name),
      actions(
        button("ghost", t("cancel"), () => dialog.close()),
        el("button", { class: "primary", testid: "topic-save" }, t("create")),
      ),
    ),
  );
  name.focus();
}

export async function readTopics() {
  const chatId = session.chatId;
  if (!isForum()) {
    topics = [];
    fresh = new Map();
    return drawTopics();
  }
  const { topics: list } = await getTopics(chatId);
  if (chatId !== session.chatId) return;
  topics = list;
  drawTopics();
}

// Another chat: nothing is known of its topics yet.
export function forgetTopics() {
  topics = [];
  fresh = new Map();
  drawTopics();
}

export function startTopics(changeHandler) {
  onChange = changeHandler;
}

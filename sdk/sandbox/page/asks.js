// What keys of the bot's keyboard may ask for besides a text, and what one can send besides text and files: a place,
// a phone number, people, a chat, a poll, a dice.

import { el, toast } from "./dom.js";
import { share } from "./api.js";
import { actions, button as dialogButton, choose, chooseSome, confirm, openDialog } from "./dialogs.js";
import { t } from "./i18n.js";
import { here, me, session } from "./session.js";

const PLACES = [
  ["placeLondon", 51.50735, -0.12776],
  ["placeMoscow", 55.75583, 37.61778],
  ["placeTbilisi", 41.69411, 44.83368],
  ["placeNewYork", 40.7128, -74.00597],
];
export const DICE = ["🎲", "🎯", "🏀", "⚽", "🎳", "🎰"];

const REQUESTS = [
  "request_contact",
  "request_location",
  "request_users",
  "request_chat",
  "request_poll",
  "web_app",
];

export const requestOf = (button) =>
  Object.keys(button).find((name) => name.startsWith("request_") || name === "web_app");

// Somebody's number in this world: made from their id, the same each time.
const phoneOf = (user) => `+1555${String(user.id).padStart(7, "0").slice(-7)}`;

// --- forms ---

// A dialog with fields; send() gets the form's values when all of it is filled.
function form(title, fields, label, send, testid) {
  const onsubmit = (event) => {
    event.preventDefault();
    dialog.close();
    Promise.resolve(send()).catch((error) => toast(error.message, "error"));
  };
  const dialog = openDialog(
    { title, testid },
    el(
      "form",
      { class: "stack", onsubmit },
      fields,
      actions(
        dialogButton("ghost", t("cancel"), () => dialog.close()),
        el("button", { class: "primary", testid: `${testid}-send` }, label),
      ),
    ),
  );
}

const field = (label, input) => el("label", { class: "field" }, el("span", {}, label), input);

export function offerLocation() {
  const latitude = el("input", {
    type: "number",
    step: "any",
    min: -90,
    max: 90,
    required: true,
    testid: "latitude",
  });
  const longitude = el("input", {
    type: "number",
    step: "any",
    min: -180,
    max: 180,
    required: true,
    testid: "longitude",
  });
  const fill = ([, lat, long]) => {
    latitude.value = lat;
    longitude.value = long;
  };
  fill(PLACES[0]);
  form(
    t("sendLocation"),
    [
      el(
        "div",
        { class: "choices" },
        PLACES.map((one) => dialogButton("secondary", t(one[0]), () => fill(one))),
      ),
      el("div", { class: "pair" }, field(t("latitude"), latitude), field(t("longitude"), longitude)),
    ],
    t("send"),
    () =>
      share(here(), { location: { latitude: Number(latitude.value), longitude: Number(longitude.value) } }),
    "location-dialog",
  );
}

export function offerPoll() {
  const question = el("input", {
    maxLength: 300,
    required: true,
    testid: "poll-question",
    autocomplete: "off",
  });
  const options = el("textarea", { rows: 4, required: true, testid: "poll-options", value: "" });
  const anonymous = el("input", { type: "checkbox", checked: true });
  const many = el("input", { type: "checkbox" });
  form(
    t("newPoll"),
    [
      field(t("pollQuestion"), question),
      field(t("pollOptions"), options),
      el("label", { class: "check" }, anonymous, el("span", {}, t("pollIsAnonymous"))),
      el("label", { class: "check" }, many, el("span", {}, t("pollIsMany"))),
    ],
    t("send"),
    () =>
      share(here(), {
        poll: {
          question: question.value.trim(),
          options: options.value
            .split("\n")
            .map((line) => line.trim())
            .filter(Boolean),
          is_anonymous: anonymous.checked,
          allows_multiple_answers: many.checked,
        },
      }),
    "poll-dialog",
  );
}

export const sendDice = (emoji) => share(here(), { dice: { emoji } });

export async function offerContact() {
  const user = await choose({ title: t("sendContact"), list: session.users, empty: "", about: phoneOf });
  if (user) await share(here(), { contact: contactOf(user) });
}

const contactOf = (user) => ({
  phone_number: phoneOf(user),
  first_name: user.first_name,
  ...(user.last_name && { last_name: user.last_name }),
  user_id: user.id,
});

// --- keys that ask ---

async function shareContact(button, id) {
  const user = me();
  const agreed = await confirm(t("shareNumber"), t("shareNumberHint", { phone: phoneOf(user) }), t("share"));
  if (agreed) await share(here(), { contact: contactOf(user), reply_to_message_id: id });
}

async function shareUsers(button) {
  const { request_id: requestId, max_quantity: most = 1, user_is_bot: wantsBot } = button.request_users;
  const list = wantsBot === true ? [session.bot] : session.users.filter((user) => user.id !== session.userId);
  const users =
    most === 1
      ? await choose({ title: button.text, list, empty: t("nobodyElse") }).then((user) => user && [user])
      : await chooseSome({ title: button.text, list, most, label: t("share") });
  if (users)
    await share(here(), { users_shared: { request_id: requestId, user_ids: users.map((user) => user.id) } });
}

async function shareChat(button) {
  const { request_id: requestId, chat_is_forum: wantsForum } = button.request_chat;
  const groups = session.chats.map(({ chat }) => chat).filter((chat) => chat.id < 0);
  const list =
    wantsForum === undefined ? groups : groups.filter((chat) => Boolean(chat.is_forum) === wantsForum);
  const chat = await choose({ title: button.text, list, empty: t("noGroups") });
  if (chat) await share(here(), { chat_shared: { request_id: requestId, chat_id: chat.id } });
}

const ANSWERS = {
  request_contact: shareContact,
  request_location: async () => offerLocation(),
  request_users: shareUsers,
  request_chat: shareChat,
  request_poll: async () => offerPoll(),
  web_app: async () => toast(t("noWebApps")),
};

export async function answerRequest(button, messageId) {
  const name = REQUESTS.find((request) => button[request] !== undefined);
  await (ANSWERS[name] ?? (async () => toast(t("notSimulated"))))(button, messageId);
}

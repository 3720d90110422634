// The pinned message above the others: the newest one first, a press goes to it and offers the one before.

import { $, el, icon } from "./dom.js";
import { t } from "./i18n.js";
import { summary } from "./summary.js";

let pinned = []; // oldest first
let at = 0;
let actions = {};

function draw() {
  const message = pinned[at];
  $("pinned").hidden = !message;
  if (!message) return $("pinned").replaceChildren();
  const show = () => {
    actions.jump(message.message_id);
    at = (at - 1 + pinned.length) % pinned.length;
    draw();
  };
  $("pinned").replaceChildren(
    el(
      "button",
      { type: "button", class: "pinned-jump", testid: "pinned-jump", onclick: show },
      icon("pin"),
      el(
        "span",
        {},
        el(
          "b",
          {},
          pinned.length > 1 ? t("pinnedOf", { n: at + 1, count: pinned.length }) : t("pinnedMessage"),
        ),
        el("span", { dir: "auto" }, summary(message)),
      ),
    ),
  );
}

export function setPinned(list) {
  pinned = [...(list ?? [])].sort((a, b) => a.message_id - b.message_id);
  at = Math.max(0, pinned.length - 1);
  draw();
}

export const isPinned = (id) => pinned.some((message) => message.message_id === id);
export const drawPinned = draw;

export function startPinned(handlers) {
  actions = handlers;
}

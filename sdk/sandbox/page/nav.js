// On a phone one view at a time: the list of chats, then the chat. The phone's own "back" works, too.

import { $, isNarrow } from "./dom.js";

const view = () => $("app").dataset.view;

function show(name) {
  $("app").dataset.view = name;
}

export function toChat() {
  if (view() === "chat") return;
  show("chat");
  if (isNarrow()) history.pushState({ view: "chat" }, "");
}

export function toList() {
  if (history.state?.view === "chat") history.back();
  else show("list");
}

export function startNavigation() {
  if (!history.state?.view) {
    history.replaceState({ view: "list" }, "");
    history.pushState({ view: "chat" }, "");
  }
  show(history.state.view === "list" && isNarrow() ? "list" : "chat");
  addEventListener("popstate", ({ state }) => show(state?.view === "list" ? "list" : "chat"));
  $("back").addEventListener("click", toList);
}

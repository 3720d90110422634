// The drawer at the side with the tools, one tab for each; a tab is made anew when it is opened.

import { $, el, icon, isNarrow } from "./dom.js";
import { t } from "./i18n.js";

const STORED = "aisha.tab";

let tabs = []; // {name, icon, open(panel) → what ends it}
let current = null;
let end = () => {};

const isOpen = () => !$("drawer").hidden;

function drawTabs() {
  $("tabs").replaceChildren(
    ...tabs.map(({ name, icon: face }) =>
      el(
        "button",
        {
          type: "button",
          role: "tab",
          id: `tab-${name}`,
          class: "tab",
          testid: `tab-${name}`,
          "aria-controls": "panel",
          "aria-selected": String(name === current),
          tabIndex: name === current ? 0 : -1,
          onclick: () => openTab(name),
        },
        icon(face),
        el("span", {}, t(`tab_${name}`)),
      ),
    ),
  );
  $("panel").setAttribute("aria-labelledby", `tab-${current}`);
}

export function openTab(name, detail) {
  const tab = tabs.find((one) => one.name === name) ?? tabs[0];
  const wasOpen = isOpen();
  end();
  current = tab.name;
  localStorage.setItem(STORED, current);
  $("drawer").hidden = false;
  $("app").classList.add("with-drawer");
  $("drawer-toggle").setAttribute("aria-expanded", "true");
  drawTabs();
  $("panel").replaceChildren();
  $("panel").scrollTop = 0;
  end = tab.open($("panel"), detail) ?? (() => {});
  if (!wasOpen && isNarrow()) history.pushState({ view: "drawer" }, "");
  if (!wasOpen) $("tabs").querySelector("[aria-selected=true]").focus();
}

function hide() {
  if (!isOpen()) return;
  end();
  end = () => {};
  $("drawer").hidden = true;
  $("app").classList.remove("with-drawer");
  $("drawer-toggle").setAttribute("aria-expanded", "false");
  $("drawer-toggle").focus();
}

export function closeDrawer() {
  if (history.state?.view === "drawer") history.back();
  else hide();
}

// After the language or the chat has changed.
export function redrawDrawer() {
  drawTabs();
  if (isOpen()) openTab(current);
}

function onKey(event) {
  if (event.key === "Escape") return closeDrawer();
  if (event.target.getAttribute("role") !== "tab") return;
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const at = tabs.findIndex(({ name }) => name === current);
  openTab(tabs[(at + step + tabs.length) % tabs.length].name);
  $(`tab-${current}`).focus();
}

export function startDrawer(list) {
  tabs = list;
  current = tabs.find(({ name }) => name === localStorage.getItem(STORED))?.name ?? tabs[0].name;
  drawTabs();
  $("drawer-toggle").addEventListener("click", () => (isOpen() ? closeDrawer() : openTab(current)));
  $("drawer-close").addEventListener("click", closeDrawer);
  $("drawer").addEventListener("keydown", onKey);
  addEventListener("popstate", ({ state }) => state?.view !== "drawer" && hide());
}

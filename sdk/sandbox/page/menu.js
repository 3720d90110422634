// A menu at a place: right click, long press, a button. Closed by Escape, a click elsewhere or a choice.

import { el, icon } from "./dom.js";

let close = () => {};

function place(node, { x, y, anchor }) {
  const box = anchor?.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = node;
  const wantedX = box ? (box.left + width > innerWidth - 8 ? box.right - width : box.left) : x;
  const below = box ? box.bottom + 4 : y;
  const above = box ? box.top - 4 - height : y - height;
  const wantedY = below + height > innerHeight - 8 && above > 8 ? above : below;
  node.style.left = `${Math.max(8, Math.min(wantedX, innerWidth - width - 8))}px`;
  node.style.top = `${Math.max(8, Math.min(wantedY, innerHeight - height - 8))}px`;
}

// Items: {icon, label, run, testid, danger, checked}, null for a line. faces: [{label, text, run}] in a row on top.
export function openMenu(where, items, faces = []) {
  close();
  const before = document.activeElement;
  const run = (item) => () => {
    close();
    item.run();
  };
  const entry = (item) =>
    item === null
      ? el("hr")
      : el(
          "button",
          {
            type: "button",
            role: item.checked === undefined ? "menuitem" : "menuitemradio",
            class: item.danger ? "danger" : "",
            testid: item.testid,
            tabIndex: -1,
            "aria-checked": item.checked === undefined ? undefined : String(item.checked),
            onclick: run(item),
          },
          item.face ?? (item.icon && icon(item.icon)),
          el("span", { dir: "auto" }, item.label),
        );
  const face = (item) =>
    el(
      "button",
      {
        type: "button",
        role: "menuitem",
        tabIndex: -1,
        testid: "menu-face",
        "aria-label": item.label,
        onclick: run(item),
      },
      item.text,
    );
  const node = el(
    "div",
    { class: "menu", role: "menu", testid: "menu" },
    faces.length > 0 && el("div", { class: "faces" }, faces.map(face)),
    items.filter((item) => item !== undefined && item !== false).map(entry),
  );
  (where.anchor?.closest("dialog") ?? document.body).append(node); // what lies under a dialog takes no clicks
  place(node, where);
  const entries = [...node.querySelectorAll("[role^=menuitem]")];
  const step = (by) => {
    const at = entries.indexOf(document.activeElement);
    entries[(at + by + entries.length) % entries.length].focus();
  };
  const keys = {
    Escape: () => close(),
    Tab: () => close(),
    ArrowDown: () => step(1),
    ArrowRight: () => step(1),
    ArrowUp: () => step(-1),
    ArrowLeft: () => step(-1),
    Home: () => entries[0].focus(),
    End: () => entries.at(-1).focus(),
  };
  const onKey = (event) => {
    if (!keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  };
  const onPress = (event) => !node.contains(event.target) && close();
  const onResize = () => close();
  close = () => {
    document.removeEventListener("keydown", onKey, true);
    document.removeEventListener("pointerdown", onPress, true);
    removeEventListener("resize", onResize);
    node.remove();
    close = () => {};
    before?.focus({ preventScroll: true });
  };
  document.addEventListener("keydown", onKey, true);
  document.addEventListener("pointerdown", onPress, true);
  addEventListener("resize", onResize);
  (
    entries.find((item) => item.getAttribute("aria-checked") === "true") ??
    entries[faces.length] ??
    entries[0]
  )?.focus({
    preventScroll: true,
  });
}

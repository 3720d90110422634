// Dialogs that are made when they are asked for, and go when they are closed.

import { avatar, el, fullName } from "./dom.js";
import { t } from "./i18n.js";

let count = 0;

// Returns {node, close}; done() is called once it is closed, however that came.
export function openDialog({ title, testid, className = "", done = () => {} }, ...children) {
  const id = `dialog-${++count}`;
  const node = el(
    "dialog",
    { class: `card ${className}`, testid, "aria-labelledby": id },
    el("div", { class: "body" }, el("h2", { id, dir: "auto" }, title), ...children),
  );
  const close = () => node.close();
  node.addEventListener("click", (event) => event.target === node && close());
  node.addEventListener("close", () => {
    node.remove();
    done();
  });
  document.body.append(node);
  node.showModal();
  return { node, close };
}

export const actions = (...buttons) => el("div", { class: "actions" }, ...buttons);

export const button = (kind, label, onclick, props = {}) =>
  el("button", { type: "button", class: kind, onclick, ...props }, label);

// Resolves to whether it was agreed to.
export function confirm(title, text, label, isDangerous = false) {
  return new Promise((resolve) => {
    let agreed = false;
    const agree = () => {
      agreed = true;
      dialog.close();
    };
    const dialog = openDialog(
      { title, testid: "confirm", done: () => resolve(agreed) },
      text && el("p", {}, text),
      actions(
        button("ghost", t("cancel"), () => dialog.close(), { testid: "confirm-no" }),
        button(isDangerous ? "ghost danger" : "primary", label, agree, {
          testid: "confirm-yes",
          autofocus: true,
        }),
      ),
    );
  });
}

// Resolves to one of list (users or chats), or null. about(item) is its second line.
export function choose({ title, empty, list, about = () => "" }) {
  return new Promise((resolve) => {
    let chosen = null;
    const pick = (item) => {
      chosen = item;
      dialog.close();
    };
    const dialog = openDialog(
      { title, testid: "choose", done: () => resolve(chosen) },
      list.length
        ? el(
            "div",
            { class: "options" },
            list.map((item) =>
              el(
                "button",
                { type: "button", class: "option", testid: "option", onclick: () => pick(item) },
                avatar(item),
                el(
                  "span",
                  { class: "cut" },
                  el("strong", { dir: "auto" }, item.title ?? fullName(item)),
                  el("small", {}, about(item)),
                ),
              ),
            ),
          )
        : el("p", { class: "hint" }, empty),
      actions(button("ghost", t("cancel"), () => dialog.close())),
    );
  });
}

// Resolves to those of list that were ticked, or null.
export function chooseSome({ title, list, most, label }) {
  return new Promise((resolve) => {
    let chosen = null;
    const boxes = list.map((item) =>
      el("input", { type: "checkbox", value: item.id, onchange: () => check() }),
    );
    const ok = button(
      "primary",
      label,
      () => {
        chosen = list.filter((_, i) => boxes[i].checked);
        dialog.close();
      },
      { testid: "choose-ok", disabled: true },
    );
    const check = () => {
      const ticked = boxes.filter((box) => box.checked).length;
      ok.disabled = ticked === 0;
      for (const box of boxes) box.disabled = !box.checked && ticked >= most;
    };
    const dialog = openDialog(
      { title, testid: "choose", done: () => resolve(chosen) },
      el(
        "div",
        { class: "options" },
        list.map((item, i) =>
          el(
            "label",
            { class: "option", testid: "option" },
            avatar(item),
            el("span", { class: "cut" }, el("strong", { dir: "auto" }, item.title ?? fullName(item))),
            boxes[i],
          ),
        ),
      ),
      actions(
        button("ghost", t("cancel"), () => dialog.close()),
        ok,
      ),
    );
  });
}

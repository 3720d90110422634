// Building elements without markup strings: text from a bot can never become HTML.

export const $ = (id) => document.getElementById(id);

// Whether fingers are what points: a keyboard on the screen takes half of it.
export const isTouch = () => matchMedia("(pointer: coarse)").matches;
export const isNarrow = () => matchMedia("(max-width: 760px)").matches;
export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function focusInput() {
  if (!isTouch()) $("input").focus();
}

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "testid") node.dataset.testid = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name in node && name !== "list") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(
    ...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

// A button that is only a picture.
export function iconButton(name, label, onclick, props = {}) {
  const { class: more = "", ...rest } = props;
  return el(
    "button",
    { type: "button", class: `icon ${more}`, title: label, "aria-label": label, onclick, ...rest },
    icon(name),
  );
}

export function toast(text, kind = "info") {
  const node = el(
    "div",
    { class: `toast ${kind}`, testid: kind === "error" ? "toast-error" : "toast" },
    text,
  );
  const remove = () => node.remove();
  node.addEventListener("click", remove);
  $("toasts").append(node);
  setTimeout(remove, kind === "error" ? 9000 : 5000);
}

export const fail = (error) => toast(error?.message ?? String(error), "error");

// Colour of a person or a chat: stable, spread over the circle.
export const hue = (id) => (Math.abs(Number(id)) * 137.508) % 360;

const initials = (...names) => names.map((name) => [...(name ?? "").trim()][0] ?? "").join("");

// The face of a user, a bot or a group.
export function avatar(whose, className = "") {
  const isGroup = whose.title !== undefined;
  if (whose.is_bot)
    return el("span", { class: `avatar bot-avatar ${className}`, "aria-hidden": "true" }, icon("bot"));
  const letters = isGroup ? initials(whose.title) : initials(whose.first_name, whose.last_name);
  const node = el(
    "span",
    { class: `avatar ${isGroup ? "group" : ""} ${className}`, "aria-hidden": "true" },
    letters.toUpperCase() || "?",
  );
  node.style.setProperty("--hue", hue(whose.id));
  return node;
}

export const fullName = (user) => [user?.first_name, user?.last_name].filter(Boolean).join(" ");

export const copyText = (text, done) => navigator.clipboard?.writeText(text).then(() => toast(done), fail);

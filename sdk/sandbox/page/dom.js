// Building elements without markup strings: text from a bot can never become HTML.

export const $ = (id) => document.getElementById(id);

// Whether fingers are what points: a keyboard on the screen takes half of it.
export const isTouch = () => matchMedia("(pointer: coarse)").matches;

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
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
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

export function toast(text, kind = "info") {
  const node = el("div", { class: `toast ${kind}`, testid: kind === "error" ? "toast-error" : "toast" }, text);
  const remove = () => node.remove();
  node.addEventListener("click", remove);
  $("toasts").append(node);
  setTimeout(remove, kind === "error" ? 9000 : 5000);
}

export const fail = (error) => toast(error?.message ?? String(error), "error");

// Colour of a user's avatar: stable, spread over the circle.
export const hue = (id) => (Number(id) * 137.508) % 360;

export function avatar(user, className = "") {
  const letters = [user.first_name, user.last_name].map((part) => [...(part ?? "")][0] ?? "").join("");
  const node = el(
    "span",
    { class: `avatar ${className}`, "aria-hidden": "true" },
    letters.toUpperCase() || "?",
  );
  node.style.setProperty("--hue", hue(user.id));
  return node;
}

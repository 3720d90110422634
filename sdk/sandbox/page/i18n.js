// The page in two languages: words, numbers, dates.

import { LANGUAGES, WORDS } from "./words.js";

const stored = localStorage.getItem("aisha.lang");
let lang = LANGUAGES.includes(stored)
  ? stored
  : navigator.language.toLowerCase().startsWith("ru")
    ? "ru"
    : "en";

export const language = () => lang;

export function setLanguage(code) {
  lang = code;
  localStorage.setItem("aisha.lang", code);
}

// Which of a word's forms goes with a number; a fraction takes the second one in Russian: 1,5 дня.
const FORMS = { en: { one: 0, other: 1 }, ru: { one: 0, few: 1, many: 2, other: 1 } };

const formOf = (forms, count) => forms[FORMS[lang][new Intl.PluralRules(lang).select(Number(count))]];

export function t(key, values = {}) {
  const word = WORDS[key]?.[LANGUAGES.indexOf(lang)] ?? key;
  const text = Array.isArray(word) ? formOf(word, values.count) : word;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return typeof value === "number" ? number(value) : (value ?? whole);
  });
}

// Fills every element that names a word in a data-t attribute.
export function translatePage(root = document) {
  document.documentElement.lang = lang;
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-placeholder]"))
    node.placeholder = t(node.dataset.tPlaceholder);
  for (const node of root.querySelectorAll("[data-t-label]")) {
    node.setAttribute("aria-label", t(node.dataset.tLabel));
    if (node.matches("button")) node.title = t(node.dataset.tLabel);
  }
  for (const node of root.querySelectorAll("[data-lang]"))
    node.setAttribute("aria-pressed", node.dataset.lang === lang);
}

export const number = (value) => new Intl.NumberFormat(lang, { maximumFractionDigits: 2 }).format(value);

// Money as Telegram counts it: Stars whole, currencies in their smallest unit.
export function amount(total, currency) {
  if (currency === "XTR") return `⭐ ${number(total)}`;
  try {
    const format = new Intl.NumberFormat(lang, { style: "currency", currency });
    return format.format(total / 10 ** format.resolvedOptions().maximumFractionDigits);
  } catch {
    return `${number(total / 100)} ${currency}`;
  }
}

export const clock = (seconds) =>
  new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(
    seconds * 1000,
  );

export const moment = (seconds) =>
  new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" }).format(
    seconds * 1000,
  );

export function day(seconds, isShort = false) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const date = new Date(seconds * 1000);
  const ago = Math.round((midnight - new Date(date).setHours(0, 0, 0, 0)) / 86400000);
  if (ago === 0) return t("today");
  if (ago === 1 && !isShort) return t("yesterday");
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat(lang, { day: "numeric", month: isShort ? "short" : "long", year }).format(
    date,
  );
}

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds || 0));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// A length of time with its sign, in its largest unit or two: +1 day 2 hours.
export function span(seconds) {
  const units = [
    ["spanDays", 86400],
    ["spanHours", 3600],
    ["spanMinutes", 60],
    ["spanSeconds", 1],
  ];
  let left = Math.round(Math.abs(seconds));
  const parts = [];
  for (const [name, size] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count && parts.length < 2) parts.push(t(name, { count }));
  }
  return `${seconds < 0 ? "−" : "+"}${parts.join(" ")}`;
}

export function fileSize(bytes) {
  const format = (value) => new Intl.NumberFormat(lang, { maximumFractionDigits: 1 }).format(value);
  if (bytes < 1024) return `${format(bytes)} ${t("bytes")}`;
  if (bytes < 1048576) return `${format(bytes / 1024)} ${t("kilobytes")}`;
  return `${format(bytes / 1048576)} ${t("megabytes")}`;
}

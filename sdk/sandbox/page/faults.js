// The tab of faults: what may go wrong, in plain words, each one press away; and what is armed now.

import { $, el, fail, fullName, icon, iconButton, toast } from "./dom.js";
import { cancelFaults, getFaults, getLimits, orderFault, setLimits } from "./api.js";
import { t } from "./i18n.js";
import { providerFault, providerParts } from "./providers.js";
import { me, session, userOf } from "./session.js";

const METHODS = [
  "sendMessage",
  "editMessageText",
  "answerCallbackQuery",
  "sendPhoto",
  "sendDocument",
  "sendMediaGroup",
  "deleteMessage",
  "getFile",
  "file",
  "transcription",
  "getUpdates",
  "*",
];
const PERIOD_MS = 1000;
const wanted = { method: "sendMessage", count: 1 };

// What happens to a call; the method and how often come from the form above.
const CALLS = [
  ["http500", { http: 500 }],
  ["html502", { html: true, http: 502 }],
  ["retry5", { retry_after: 5 }],
  ["slow5", { delay_ms: 5000 }],
  ["reset", { reset: true }],
  ["drop", { drop: true }],
  ["lostAnswer", { after: true, drop: true }],
];

const here = () => session.chatId;
const OTHERS = {
  chaos: [["chaos", () => ({ fault: "chaos", probability: 0.1 })]],
  limits: [
    ["floodChat", () => ({ fault: "flood", chat_id: here(), seconds: 10 })],
    ["floodAll", () => ({ fault: "flood", seconds: 10 })],
  ],
  files: [
    ["halfFile", () => ({ method: "file", truncate: true })],
    ["slowFile", () => ({ method: "file", bytes_per_second: 2048 })],
  ],
  updates: [
    ["twice", () => ({ fault: "duplicate", count: 1 })],
    ["reorder", () => ({ fault: "reorder", count: 4 })],
    ["conflict", () => ({ fault: "conflict", count: 1 })],
    ["lostWebhook", () => ({ fault: "lost_webhook", count: 1 })],
    ["cutWebhook", () => ({ fault: "cut_webhook", count: 1 })],
  ],
  people: [["block", () => ({ fault: "block", user_id: session.userId })]],
};

const isWebhook = () => Boolean(session.bot?.webhook_url);
const fits = ([name]) => (isWebhook() ? name !== "conflict" : !/Webhook$/.test(name));

const order = (fault) => orderFault(fault).then(() => toast(t("armed")), fail);

function preset(name, run, values = {}) {
  return el(
    "button",
    { type: "button", class: "preset", testid: `fault-${name}`, onclick: run },
    el("strong", {}, t(`fault_${name}`, values)),
    el("small", {}, t(`fault_${name}_hint`, values)),
  );
}

const section = (title, ...children) =>
  el("section", { class: "panel-part" }, el("h3", {}, title), ...children);

function calls() {
  const method = el(
    "select",
    { "aria-label": t("method"), testid: "fault-method", onchange: () => (wanted.method = method.value) },
    METHODS.map((name) =>
      el(
        "option",
        { value: name, selected: name === wanted.method },
        { "*": t("anyMethod"), file: t("downloads"), transcription: t("transcriptions") }[name] ?? name,
      ),
    ),
  );
  const count = el("input", {
    type: "number",
    min: 1,
    max: 1000,
    value: wanted.count,
    "aria-label": t("howOften"),
    testid: "fault-count",
    onchange: () => (wanted.count = Math.max(1, Math.round(Number(count.value)) || 1)),
  });
  return section(
    t("faultsCalls"),
    el("div", { class: "fault-for" }, el("span", {}, t("nextCalls")), count, method),
    CALLS.map(([name, fault]) => preset(name, () => order({ ...wanted, ...fault }))),
  );
}

// --- what is armed ---

const CALL_NAMES = [
  [(fault) => fault.after, "lostAnswer"],
  [(fault) => fault.truncate, "halfFile"],
  [(fault) => fault.bytes_per_second, "slowFile"],
  [(fault) => fault.reset, "reset"],
  [(fault) => fault.drop, "drop"],
  [(fault) => fault.html, "html502"],
  [(fault) => fault.retry_after, "retry5"],
  [(fault) => fault.delay_ms, "slow5"],
];
const KIND_NAMES = {
  chaos: "chaos",
  conflict: "conflict",
  duplicate: "twice",
  reorder: "reorder",
  lost_webhook: "lostWebhook",
  cut_webhook: "cutWebhook",
};

function nameOf(fault) {
  if (fault.fault === "flood") return t(fault.chat_id ? "fault_floodChat" : "fault_floodAll");
  if (fault.fault === "block") return t("fault_block", { name: fullName(userOf(fault.user_id)) });
  if (KIND_NAMES[fault.fault]) return t(`fault_${KIND_NAMES[fault.fault]}`);
  if (providerFault(fault)) return providerFault(fault);
  const known = CALL_NAMES.find(([test]) => test(fault));
  const status = fault.http ?? fault.error_code ?? 500;
  return `${fault.method}: ${known ? t(`fault_${known[1]}`) : t("faultAnswer", { status })}`;
}

function left(fault) {
  const parts = [];
  if (fault.left !== null && fault.left !== undefined) parts.push(t("timesLeft", { count: fault.left }));
  if (fault.seconds_left !== null && fault.seconds_left !== undefined)
    parts.push(t("secondsLeft", { count: Math.ceil(fault.seconds_left) }));
  return parts.join(" · ");
}

function armedList(list) {
  if (!list.length) return [el("p", { class: "hint", testid: "no-faults" }, t("noFaults"))];
  return [
    el(
      "ul",
      { class: "armed" },
      list.map((fault) =>
        el(
          "li",
          { testid: "armed-fault" },
          icon("bolt"),
          el("span", {}, el("strong", {}, nameOf(fault)), el("small", {}, left(fault))),
          iconButton("close", t("cancelFault"), () => cancelFaults(fault.id).catch(fail), {
            testid: "fault-cancel",
            class: "small",
          }),
        ),
      ),
    ),
    list.length > 1 &&
      el(
        "button",
        {
          type: "button",
          class: "ghost danger",
          testid: "faults-clear",
          onclick: () => cancelFaults().catch(fail),
        },
        t("cancelAll"),
      ),
  ].filter(Boolean);
}

// The mark in the head of the chat while something is armed.
export function drawArmed(count) {
  $("armed").hidden = !count;
  $("armed").querySelector("span").textContent = count ? t("faultsArmed", { count }) : "";
  $("armed").setAttribute("aria-label", t("faultsArmed", { count: count ?? 0 }));
}

// --- flood limits ---

function limitsSwitch(limits) {
  const box = el("input", {
    type: "checkbox",
    role: "switch",
    checked: limits.enabled,
    testid: "limits-switch",
    onchange: () => setLimits({ enabled: box.checked }).catch(fail),
  });
  return el(
    "label",
    { class: "switch" },
    el(
      "span",
      {},
      el("strong", {}, t("floodLimits")),
      el(
        "small",
        {},
        t("floodLimitsHint", {
          chat: limits.chat_per_second,
          group: limits.group_per_minute,
          all: limits.global_per_second,
        }),
      ),
    ),
    box,
  );
}

// --- the tab ---

export function openFaults(panel) {
  let timer = null;
  let isOver = false;
  const armed = el("div", { class: "armed-box", testid: "armed-list", "aria-live": "polite" });
  const limits = el("div");
  const read = async () => {
    clearTimeout(timer);
    try {
      const { faults } = await getFaults();
      if (isOver) return;
      armed.replaceChildren(...armedList(faults));
      drawArmed(faults.length);
      timer = setTimeout(read, PERIOD_MS);
    } catch (error) {
      if (!isOver) timer = setTimeout(read, PERIOD_MS * 5);
    }
  };
  getLimits().then(
    (answer) => !isOver && limits.replaceChildren(limitsSwitch(answer)),
    () => {},
  );
  const of = (title, list) =>
    section(
      title,
      list
        .filter(fits)
        .map(([name, make]) => preset(name, () => order(make()).then(read), { name: fullName(me()) })),
    );
  panel.append(
    section(t("armedNow"), armed),
    of(t("faultsLimits"), OTHERS.limits),
    limits,
    calls(),
    of(t("faultsChaos"), OTHERS.chaos),
    of(t("faultsFiles"), OTHERS.files),
    of(t("faultsUpdates"), OTHERS.updates),
    of(t("faultsPeople"), OTHERS.people),
    ...providerParts(),
  );
  read();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

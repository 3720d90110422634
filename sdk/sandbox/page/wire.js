// The tab of requests: each request of the bot and what the sandbox answered. Read while the tab is open.

import { copyText, el, fail, iconButton } from "./dom.js";
import { getRequests } from "./api.js";
import { t } from "./i18n.js";
import { jsonTree } from "./json.js";
import { session } from "./session.js";

const KEPT = 300;
const PERIOD_MS = 1500;
const filter = { text: "", method: "", failed: false, polls: false };

const parsed = (value) => {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
};

const isFailed = ({ status, response }) => {
  const answer = parsed(response);
  return answer?.ok === false || Boolean(answer?.error) || status >= 400 || status === 0;
};

// What tells one request from another of the same method.
function gist(params) {
  const shown = parsed(params) ?? {};
  return String(
    shown.text ??
      shown.caption ??
      shown.model ??
      shown.action ??
      shown.file_id ??
      shown.title ??
      shown.question ??
      "",
  );
}

// --- as a command line ---

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// Files are not kept by the log: they stand there as names.
export function curl({ method, params }) {
  const body = JSON.stringify(parsed(params) ?? {});
  const token = `${session.bot?.id ?? 123456}:SANDBOX`;
  return `curl -s ${location.origin}/bot${token}/${method} -H 'Content-Type: application/json' -d ${quoted(body)}`;
}

// --- one request ---

function parts(request) {
  return [
    ["params", parsed(request.params)],
    ["ignored", request.ignored],
    ["response", parsed(request.response)],
  ].flatMap(([title, value]) =>
    value === undefined || value?.length === 0 ? [] : jsonTree(value, t(title)),
  );
}

function entry(request) {
  const failed = isFailed(request);
  const open = ({ target }) =>
    target.open &&
    target.childElementCount === 1 &&
    target.append(
      el(
        "div",
        { class: "request-tools" },
        iconButton("code", t("copyCurl"), () => copyText(curl(request), t("copied")), {
          testid: "request-curl",
          class: "small",
        }),
        el("small", {}, t("copyCurl")),
      ),
      ...parts(request),
    );
  const node = el(
    "li",
    { class: failed ? "failed" : "", testid: "request" },
    el(
      "details",
      { ontoggle: open },
      el(
        "summary",
        {},
        el("span", { class: "number" }, request.n),
        el("code", {}, request.method),
        el("span", { dir: "auto" }, gist(request.params)),
        failed && el("em", {}, parsed(request.response)?.error_code ?? (request.status || "—")),
      ),
    ),
  );
  node.dataset.method = request.method;
  node.request = request;
  return node;
}

function matches(request) {
  const words = filter.text.toLowerCase();
  return (
    (filter.polls || request.method !== "getUpdates" || filter.method === "getUpdates") &&
    (!filter.method || request.method === filter.method) &&
    (!filter.failed || isFailed(request)) &&
    (!words ||
      `${request.method} ${JSON.stringify([request.params, request.response])}`.toLowerCase().includes(words))
  );
}

// --- the tab ---

export function openWire(panel) {
  let last = 0;
  let timer = null;
  let isOver = false;
  const methods = new Set();
  const list = el("ol", { class: "wire-list", testid: "requests" });
  const none = el("p", { class: "hint panel-empty" }, t("noRequests"));
  const method = el("select", {
    "aria-label": t("method"),
    testid: "requests-method",
    onchange: () => set("method", method.value),
  });
  const set = (name, value) => {
    filter[name] = value;
    apply();
  };

  function apply() {
    for (const node of list.children) node.hidden = !matches(node.request);
    none.hidden = [...list.children].some((node) => !node.hidden);
  }

  function drawMethods() {
    const names = [...methods].sort();
    method.replaceChildren(
      el("option", { value: "" }, t("allMethods")),
      ...names.map((name) => el("option", { value: name, selected: name === filter.method }, name)),
    );
  }

  function add(requests) {
    const known = methods.size;
    for (const request of requests) {
      if (request.n <= last) continue;
      last = request.n;
      methods.add(request.method);
      list.prepend(entry(request));
    }
    while (list.childElementCount > KEPT) list.lastElementChild.remove();
    if (methods.size !== known) drawMethods();
    apply();
  }

  async function read() {
    clearTimeout(timer);
    try {
      const { requests } = await getRequests(last);
      if (!isOver) add(requests.slice(-KEPT));
    } catch (error) {
      if (error.status) fail(error);
    }
    if (!isOver) timer = setTimeout(read, PERIOD_MS);
  }

  const tick = (name, label, testid) =>
    el(
      "label",
      { class: "check" },
      el("input", {
        type: "checkbox",
        checked: filter[name],
        testid,
        onchange: ({ target }) => set(name, target.checked),
      }),
      el("span", {}, label),
    );
  drawMethods();
  panel.append(
    el(
      "div",
      { class: "filters" },
      el("input", {
        type: "search",
        value: filter.text,
        placeholder: t("search"),
        "aria-label": t("search"),
        testid: "requests-search",
        oninput: ({ target }) => set("text", target.value),
      }),
      method,
      tick("failed", t("onlyFailed"), "requests-failed"),
      tick("polls", "getUpdates", "requests-polls"),
    ),
    list,
    none,
  );
  read();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

// The part of the tab of faults about fal.ai and OpenAI: one list of what may go wrong for each, and how long a
// training takes.

import { el, fail, toast } from "./dom.js";
import { getFal, orderFault, rotateFalKey, setFal } from "./api.js";
import { t } from "./i18n.js";

const run = (error) => () => orderFault({ fault: "fal_run", error });
const webhook = (what) => () => orderFault({ fault: "fal_webhook", what });
const call = (method, order) => () => orderFault({ method, ...order });
const TEN_S = 10000;

// What each choice does, by the name of its words.
const FAL = {
  locked: call("fal.submit", { error: "fal_locked" }),
  tooMany: call("fal.submit", { error: "fal_rate_limit" }),
  down: call("fal.*", { error: "fal_unavailable" }),
  slow: call("fal.*", { delay_ms: TEN_S }),
  lostSubmit: call("fal.submit", { after: true, drop: true }),
  policy: run("content_policy_violation"),
  noFace: run("face_detection_error"),
  crash: run("runner_disconnected"),
  hookLost: webhook("lost"),
  hookTwice: webhook("doubled"),
  hookLate: webhook("reordered"),
  hookForged: webhook("forged"),
  hookUnsigned: webhook("unsigned"),
  expired: call("fal.result", { error: "fal_expired" }),
  halfImage: call("fal.file", { truncate: true }),
  slowImage: call("fal.file", { bytes_per_second: 5000 }),
  noKeys: call("fal.jwks", { error: "fal_unavailable" }),
  newKey: () => rotateFalKey(),
};
const OPENAI = {
  quota: call("openai.*", { error: "openai_quota" }),
  tooMany: call("openai.*", { error: "openai_rate_limit" }),
  down: call("openai.*", { error: "openai_overloaded" }),
  slow: call("openai.*", { delay_ms: TEN_S }),
  badKey: call("openai.*", { error: "openai_invalid_key" }),
  noModel: call("openai.*", { error: "openai_model" }),
  halfAnswer: call("openai.*", { truncate: true }),
};

function part(id, title, choices, more = []) {
  const what = el(
    "select",
    { "aria-label": title, testid: `provider-${id}` },
    Object.keys(choices).map((name) => el("option", { value: name }, t(`provider_${name}`))),
  );
  const arm = () => choices[what.value]().then(() => toast(t("armed")), fail);
  return el(
    "section",
    { class: "panel-part" },
    el("h3", {}, title),
    el(
      "div",
      { class: "fault-for" },
      what,
      el("button", { type: "button", class: "ghost", testid: `provider-${id}-arm`, onclick: arm }, t("arm")),
    ),
    more,
  );
}

function trainingTime() {
  const seconds = el("input", {
    type: "number",
    min: 0,
    max: 3600,
    "aria-label": t("trainingTakes"),
    testid: "training-seconds",
    onchange: () => setFal({ training_ms: Math.max(0, Math.round(Number(seconds.value))) * 1000 }).catch(fail),
  });
  getFal().then(
    ({ training_ms: ms }) => (seconds.value = Math.round(ms / 1000)),
    () => {},
  );
  return el("div", { class: "fault-for" }, el("span", {}, t("trainingTakes")), seconds);
}

export const providerParts = () => [part("fal", "fal.ai", FAL, [trainingTime()]), part("openai", "OpenAI", OPENAI)];

// What an armed fault of a provider is called; undefined when it is none.
export function providerFault(fault) {
  if (fault.fault === "fal_run") return `fal.ai: ${fault.error}`;
  if (fault.fault === "fal_webhook") return `fal.ai webhook: ${fault.what}`;
  return fault.error ? `${fault.method}: ${fault.error}` : undefined;
}

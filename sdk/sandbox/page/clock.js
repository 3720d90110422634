// The tab of the clock: what time it is in the sandbox, and moving it.

import { $, el, fail } from "./dom.js";
import { getClock, setClock } from "./api.js";
import { moment, span, t } from "./i18n.js";

const STEPS = [
  ["plusMinute", 60],
  ["plusHour", 3600],
  ["plusDay", 86400],
  ["plusWeek", 604800],
];
let offset = 0; // seconds between this machine's clock and the sandbox's

// The mark in the head of the chat while the clock is not right.
export function drawShift(seconds) {
  offset = seconds;
  const isShifted = Math.abs(seconds) >= 1;
  $("shifted").hidden = !isShifted;
  $("shifted").querySelector("span").textContent = isShifted ? span(seconds) : "";
  $("shifted").setAttribute(
    "aria-label",
    `${t("tab_clock")}: ${isShifted ? span(seconds) : t("clockRight")}`,
  );
}

export const readClock = () =>
  getClock().then(
    ({ offset_s: seconds }) => drawShift(seconds),
    () => {},
  );

const pad = (number) => String(number).padStart(2, "0");
const day = (date) => [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join("-");
const forField = (date) => `${day(date)}T${pad(date.getHours())}:${pad(date.getMinutes())}`;

export function openClock(panel) {
  const face = el("p", { class: "clock-face", testid: "clock-face" });
  const shift = el("p", { class: "hint", testid: "clock-shift" });
  const custom = el("input", { type: "datetime-local", "aria-label": t("setTime"), testid: "clock-custom" });
  const draw = () => {
    face.textContent = moment(Date.now() / 1000 + offset);
    shift.textContent = Math.abs(offset) < 1 ? t("clockRight") : t("clockShifted", { span: span(offset) });
    reset.disabled = Math.abs(offset) < 1;
  };
  const move = (change) => () =>
    setClock(change)
      .then(({ offset_s: seconds }) => {
        drawShift(seconds);
        draw();
      })
      .catch(fail);
  const reset = el(
    "button",
    { type: "button", class: "ghost", testid: "clock-reset", onclick: move({ reset: true }) },
    t("clockReset"),
  );
  const set = (event) => {
    event.preventDefault();
    const wanted = new Date(custom.value).getTime();
    if (wanted) move({ now: Math.round(wanted / 1000) })();
  };
  custom.value = forField(new Date(Date.now() + offset * 1000));
  panel.append(
    el("section", { class: "panel-part" }, el("p", { class: "hint" }, t("clockHint")), face, shift),
    el(
      "section",
      { class: "panel-part" },
      el(
        "div",
        { class: "choices" },
        STEPS.map(([name, seconds]) =>
          el(
            "button",
            {
              type: "button",
              class: "secondary",
              testid: `clock-${name}`,
              onclick: move({ advance_s: seconds }),
            },
            t(name),
          ),
        ),
      ),
      el(
        "form",
        { class: "fault-for", onsubmit: set },
        custom,
        el("button", { class: "secondary", testid: "clock-set" }, t("setTime")),
      ),
      reset,
    ),
  );
  draw();
  readClock().then(draw);
  const timer = setInterval(draw, 1000);
  return () => clearInterval(timer);
}

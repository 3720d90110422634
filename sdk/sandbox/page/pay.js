// Paying: what for, how many Stars, and what becomes of it. The bot has ten seconds to agree, as at Telegram.

import { el, fail, icon } from "./dom.js";
import { getInvoice, pay, setStars } from "./api.js";
import { actions, button, openDialog } from "./dialogs.js";
import { amount, number, t } from "./i18n.js";
import { openMenu } from "./menu.js";
import { here, session } from "./session.js";
import { currentBalance, readBalance } from "./users.js";

const FAILURES = ["cancelled", "repeat_checkout", "slow", "doubled"];
const TOP_UP = 1000;

const isStars = (invoice) => invoice.currency === "XTR";

const stars = (count) => el("span", { class: "stars" }, icon("star"), number(count));

function price(invoice) {
  const total = invoice.total_amount;
  return isStars(invoice) ? stars(total) : el("span", {}, amount(total, invoice.currency));
}

// --- the states of the sheet ---

function offer(sheet) {
  const { invoice } = sheet;
  const funds = el("p", { class: "pay-balance", testid: "pay-balance" });
  const count = () =>
    isStars(invoice) && funds.replaceChildren(t("yourBalance"), " ", stars(currentBalance() ?? 0));
  readBalance().then(count);
  const more = button(
    "ghost",
    t("tryFailure"),
    () =>
      openMenu(
        { anchor: more },
        FAILURES.map((outcome) => ({
          icon: "bolt",
          label: t(`pay_${outcome}`),
          testid: `pay-${outcome}`,
          run: () => go(sheet, outcome),
        })),
      ),
    { testid: "pay-failures" },
  );
  sheet.show(
    el("p", { class: "pay-text", dir: "auto" }, invoice.description),
    invoice.subscription_period && el("p", { class: "hint" }, t("subscription")),
    funds,
    el(
      "button",
      {
        type: "button",
        class: "primary pay-go",
        testid: "pay-go",
        autofocus: true,
        onclick: () => go(sheet, "paid"),
      },
      t("pay"),
      " ",
      price(invoice),
    ),
    actions(
      more,
      button("ghost", t("cancel"), () => sheet.close(), { testid: "pay-cancel" }),
    ),
  );
}

function waiting(sheet) {
  sheet.show(
    el(
      "div",
      { class: "pay-state", role: "status", testid: "pay-waiting" },
      el("span", { class: "spin large" }),
      el("p", {}, t("payWaiting")),
    ),
    actions(button("ghost", t("close"), () => sheet.close())),
  );
}

function outcome(sheet, kind, iconName, title, ...more) {
  sheet.show(
    el(
      "div",
      { class: `pay-state ${kind}`, role: "status", testid: `pay-${kind}` },
      el("span", { class: "pay-mark" }, icon(iconName)),
      el("strong", {}, title),
      more,
    ),
    actions(
      kind !== "paid" && button("ghost", t("tryAgain"), () => offer(sheet), { testid: "pay-again" }),
      button("primary", t("done"), () => sheet.close(), { testid: "pay-done", autofocus: true }),
    ),
  );
}

function topUp(sheet) {
  setStars(session.userId, (currentBalance() ?? 0) + Math.max(TOP_UP, sheet.invoice.total_amount))
    .then(() => offer(sheet))
    .catch(fail);
}

const ENDS = {
  paid: (sheet, answer) =>
    outcome(
      sheet,
      "paid",
      "check",
      t("payPaid", { sum: amount(sheet.invoice.total_amount, sheet.invoice.currency) }),
      answer.telegram_payment_charge_id && el("code", { class: "charge" }, answer.telegram_payment_charge_id),
    ),
  refused: (sheet, answer) =>
    outcome(
      sheet,
      "refused",
      "close",
      t("payRefused"),
      el("p", { dir: "auto", testid: "pay-reason" }, answer.error_message),
    ),
  timeout: (sheet) => outcome(sheet, "timeout", "clock", t("payTimeout"), el("p", {}, t("payTimeoutHint"))),
  cancelled: (sheet) =>
    outcome(sheet, "cancelled", "block", t("payCancelled"), el("p", {}, t("payCancelledHint"))),
  no_funds: (sheet) =>
    outcome(
      sheet,
      "no_funds",
      "star",
      t("payNoFunds"),
      button("secondary", t("topUp"), () => topUp(sheet), { testid: "pay-top-up" }),
    ),
};

async function go(sheet, wanted) {
  waiting(sheet);
  try {
    const answer = await pay(sheet.what, wanted);
    readBalance();
    if (sheet.isOpen()) ENDS[answer.status](sheet, answer);
  } catch (error) {
    if (sheet.isOpen()) outcome(sheet, "failed", "close", t("payFailed"), el("p", {}, error.message));
  }
}

// --- the sheet ---

function openSheet(invoice, what) {
  const body = el("div", { class: "pay-body" });
  let open = true;
  const dialog = openDialog(
    {
      title: invoice.title,
      testid: "pay",
      className: "pay-sheet",
      done: () => {
        open = false;
      },
    },
    body,
  );
  const sheet = {
    invoice,
    what,
    close: dialog.close,
    isOpen: () => open,
    show: (...children) => {
      body.replaceChildren(...children.filter(Boolean));
      body.querySelector("[autofocus]")?.focus();
    },
  };
  offer(sheet);
}

export const payMessage = (message) =>
  openSheet(message.invoice, {
    user_id: session.userId,
    chat_id: here().chat_id,
    message_id: message.message_id,
  });

export const paySlug = (slug) =>
  getInvoice(slug).then((invoice) => openSheet(invoice, { user_id: session.userId, slug }), fail);

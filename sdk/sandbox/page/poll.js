// Polls and quizzes: voting, results, the right answer.

import { el, icon } from "./dom.js";
import { t } from "./i18n.js";
import { formatted } from "./text.js";

const share = (votes, total) => (total ? Math.round((votes / total) * 100) : 0);

function kindOf(poll) {
  if (poll.is_closed) return t("pollClosed");
  if (poll.type === "quiz") return t(poll.is_anonymous ? "quizAnonymous" : "quiz");
  return t(poll.is_anonymous ? "pollAnonymous" : "pollPublic");
}

function result(poll, option, i, chosen, actions) {
  const percent = share(option.voter_count, poll.total_voter_count);
  const isRight = poll.correct_option_ids?.includes(i) ?? poll.correct_option_id === i;
  const isMine = chosen.includes(i);
  const isWrong = poll.type === "quiz" && isMine && !isRight;
  const node = el(
    "div",
    { class: `poll-option ${isMine ? "chosen" : ""} ${isWrong ? "wrong" : ""}`, testid: "poll-result" },
    el("b", { class: "poll-share" }, `${percent}%`),
    el("span", { dir: "auto" }, formatted(option.text, option.text_entities, actions)),
    (isMine || (poll.type === "quiz" && isRight)) && icon(isWrong ? "close" : "check"),
    el("i", { class: "poll-bar" }),
  );
  node.style.setProperty("--share", percent / 100);
  return node;
}

function ballot(message, actions) {
  const { poll } = message;
  const isMany = poll.allows_multiple_answers;
  const boxes = [];
  const send = () =>
    actions.vote(
      message,
      boxes.flatMap((box, i) => (box.checked ? [i] : [])),
    );
  const ready = () => {
    submit.disabled = !boxes.some((box) => box.checked);
  };
  const submit = el(
    "button",
    { type: "button", class: "ghost", testid: "poll-send", disabled: true, onclick: send },
    t("vote"),
  );
  const options = poll.options.map((option, i) => {
    const text = el("span", { dir: "auto" }, formatted(option.text, option.text_entities, actions));
    if (!isMany)
      return el(
        "button",
        {
          type: "button",
          class: "poll-option",
          testid: "poll-option",
          onclick: () => actions.vote(message, [i]),
        },
        el("i", { class: "poll-dot" }),
        text,
      );
    const box = el("input", { type: "checkbox", onchange: ready });
    boxes.push(box);
    return el("label", { class: "poll-option", testid: "poll-option" }, box, text);
  });
  return [...options, isMany && submit];
}

export function poll(message, context, actions) {
  const { poll: about } = message;
  const chosen = context.chosenIn(about.id);
  const isShown = chosen.length > 0 || about.is_closed;
  return el(
    "div",
    { class: "poll", testid: "poll" },
    el("strong", { dir: "auto" }, formatted(about.question, about.question_entities, actions)),
    about.description &&
      el("p", { dir: "auto" }, formatted(about.description, about.description_entities, actions)),
    el("small", {}, kindOf(about)),
    isShown
      ? about.options.map((option, i) => result(about, option, i, chosen, actions))
      : ballot(message, actions),
    isShown &&
      about.explanation &&
      el("blockquote", { dir: "auto" }, formatted(about.explanation, about.explanation_entities, actions)),
    el(
      "div",
      { class: "poll-foot" },
      el(
        "small",
        {},
        about.total_voter_count ? t("votes", { count: about.total_voter_count }) : t("noVotes"),
      ),
      chosen.length > 0 &&
        !about.is_closed &&
        about.type !== "quiz" &&
        el(
          "button",
          {
            type: "button",
            class: "linkish",
            testid: "poll-retract",
            onclick: () => actions.vote(message, []),
          },
          t("retractVote"),
        ),
    ),
  );
}

// The line at the bottom: text, commands, the bot's reply keyboard, voice recording.

import { $, el, fail, toast } from "./dom.js";
import { sendText, upload } from "./api.js";
import { duration, t } from "./i18n.js";
import { startRecording } from "./recorder.js";

let post = null;
let commands = [];
let chosen = -1;
let markup = null;
let recording = null;

export async function say(text) {
  await post((userId) => sendText(userId, text));
}

// --- text ---

function fit() {
  const input = $("input");
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight + 2}px`;
  $("composer").classList.toggle("has-text", input.value.trim() !== "");
}

async function submit() {
  const input = $("input");
  const text = input.value.trim();
  if (!text) return;
  input.value = "";
  fit();
  hideCommands();
  try {
    await say(text);
  } catch (error) {
    if (!input.value) input.value = text;
    fit();
    fail(error);
  }
}

// --- commands ---

function hideCommands() {
  $("commands").hidden = true;
  $("slash").setAttribute("aria-expanded", "false");
  $("input").removeAttribute("aria-activedescendant");
  chosen = -1;
}

function pick(command) {
  hideCommands();
  $("input").value = "";
  fit();
  $("input").focus();
  say(`/${command}`).catch(fail);
}

function showCommands(prefix) {
  const found = commands.filter(({ command }) => command.startsWith(prefix));
  if (!found.length) return hideCommands();
  chosen = -1;
  $("commands").replaceChildren(
    ...found.map(({ command, description }, i) =>
      el(
        "li",
        {
          id: `command-${i}`,
          role: "option",
          testid: "command",
          "aria-selected": "false",
          onclick: () => pick(command),
        },
        el("b", {}, `/${command}`),
        el("span", {}, description),
      ),
    ),
  );
  $("commands").hidden = false;
  $("slash").setAttribute("aria-expanded", "true");
}

function choose(step) {
  const options = [...$("commands").children];
  chosen = (chosen + step + options.length) % options.length;
  options.forEach((option, i) => option.setAttribute("aria-selected", i === chosen));
  options[chosen].scrollIntoView({ block: "nearest" });
  $("input").setAttribute("aria-activedescendant", `command-${chosen}`);
}

const commandAt = (i) => $("commands").children[i].querySelector("b").textContent.slice(1);

function suggest() {
  const typed = /^\/(\w*)$/.exec($("input").value);
  if (typed) showCommands(typed[1]);
  else hideCommands();
}

function onKey(event) {
  const open = !$("commands").hidden;
  if (event.isComposing) return;
  if (open && event.key === "ArrowDown") choose(1);
  else if (open && event.key === "ArrowUp") choose(chosen < 0 ? 0 : -1);
  else if (open && event.key === "Escape") hideCommands();
  else if (open && event.key === "Tab" && !event.shiftKey) {
    $("input").value = `/${commandAt(Math.max(chosen, 0))} `;
    hideCommands();
    fit();
  } else if (event.key === "Enter" && !event.shiftKey) {
    if (open && chosen >= 0) pick(commandAt(chosen));
    else submit();
  } else return;
  event.preventDefault();
}

function toggleCommands() {
  if (!$("commands").hidden) return hideCommands();
  if (!commands.length) return toast(t("noCommands"));
  showCommands("");
  $("input").focus();
}

export function setCommands(list) {
  commands = list ?? [];
  if (!$("commands").hidden) suggest();
}

// --- the bot's reply keyboard ---

function pressKey(button) {
  if (
    typeof button !== "string" &&
    Object.keys(button).some((name) => name.startsWith("request_") || name === "web_app")
  )
    return toast(t("notSimulated"));
  if (markup.one_time_keyboard) showKeys(false);
  say(button.text ?? button).catch(fail);
}

function showKeys(open) {
  $("keys").hidden = !open;
  $("keys-toggle").setAttribute("aria-expanded", open);
}

// What the bot has put below the text: a reply keyboard, a forced reply, or nothing.
export function setReplyMarkup(next) {
  markup = next;
  const rows = next?.keyboard ?? [];
  $("keys-toggle").hidden = !rows.length;
  $("keys").replaceChildren(
    ...rows.map((row) =>
      el(
        "div",
        { class: "key-row" },
        row.map((button) =>
          el(
            "button",
            { type: "button", class: "key", testid: "reply-button", onclick: () => pressKey(button) },
            button.text ?? button,
          ),
        ),
      ),
    ),
  );
  showKeys(rows.length > 0);
  $("input").placeholder = next?.input_field_placeholder || t("message");
  if (next?.force_reply) $("input").focus();
}

// --- voice ---

function showRecording(on) {
  $("recording").hidden = !on;
  $("form").hidden = on;
}

function drawRecording() {
  if (!recording) return;
  const canvas = $("rec-level");
  const pen = canvas.getContext("2d");
  if (canvas.width !== canvas.clientWidth) canvas.width = canvas.clientWidth;
  const level = Math.max(2, recording.level() * canvas.height);
  pen.drawImage(canvas, -2, 0);
  pen.clearRect(canvas.width - 2, 0, 2, canvas.height);
  pen.fillStyle = getComputedStyle(canvas).color;
  pen.fillRect(canvas.width - 2, (canvas.height - level) / 2, 1, level);
  $("rec-time").textContent = duration(Math.floor(recording.seconds()));
  requestAnimationFrame(drawRecording);
}

async function record() {
  try {
    recording = await startRecording();
  } catch (error) {
    return fail(new Error(t("noMicrophone", { reason: error.message })));
  }
  showRecording(true);
  drawRecording();
  $("rec-send").focus();
}

async function finish(keep) {
  const current = recording;
  recording = null;
  showRecording(false);
  $("input").focus();
  if (!current) return;
  if (!keep) return current.cancel();
  if (current.seconds() < 0.3) {
    current.cancel();
    return toast(t("tooShort"));
  }
  const { file, seconds } = await current.stop();
  await post((userId) => upload(userId, "voice", file, { name: "voice.wav", seconds }));
}

// poster(call) runs call(userId) for the selected user.
export function startComposer(poster) {
  post = poster;
  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  $("input").addEventListener("input", () => {
    fit();
    suggest();
  });
  $("input").addEventListener("keydown", onKey);
  $("slash").addEventListener("click", toggleCommands);
  $("keys-toggle").addEventListener("click", () => showKeys($("keys").hidden));
  $("record").addEventListener("click", record);
  $("rec-send").addEventListener("click", () => finish(true).catch(fail));
  $("rec-cancel").addEventListener("click", () => finish(false).catch(fail));
  $("recording").addEventListener("keydown", (event) => {
    if (event.key === "Escape") finish(false).catch(fail);
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".composer")) hideCommands();
  });
  fit();
}

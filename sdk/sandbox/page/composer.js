// The line at the bottom: text, commands, voice recording.

import { $, el, fail, focusInput, toast } from "./dom.js";
import { sendText, upload } from "./api.js";
import { duration, t } from "./i18n.js";
import { startRecording } from "./recorder.js";
import { endReply, repliedTo, stepReply } from "./reply.js";

const LONGEST = 4096; // characters of a message

let post = null;
let commands = [];
let chosen = -1;
let recording = null;
let writer = null; // whose draft is in the field
const drafts = new Map();

// A text longer than a message becomes several, cut at the end of a line or of a word where there is one.
function parts(text) {
  const chars = [...text];
  if (chars.length <= LONGEST) return text.trim() ? [text] : [];
  const head = chars.slice(0, LONGEST);
  const cut = [head.lastIndexOf("\n"), head.lastIndexOf(" ")].find((at) => at > LONGEST / 2) ?? LONGEST;
  return [chars.slice(0, cut).join(""), ...parts(chars.slice(cut).join("").trimStart())];
}

export async function say(text) {
  for (const part of parts(text)) {
    await post((userId) => sendText(userId, part, repliedTo()));
    endReply();
  }
}

// --- text ---

export function openDraft(userId) {
  const input = $("input");
  if (userId === writer) return;
  if (recording) finish(false).catch(fail);
  drafts.set(writer, input.value);
  writer = userId;
  input.value = drafts.get(userId) ?? "";
  hideCommands();
  fit();
}

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
  else if (repliedTo() && event.key === "Escape") endReply();
  else if (event.ctrlKey && event.key === "ArrowUp") stepReply(-1);
  else if (event.ctrlKey && event.key === "ArrowDown") stepReply(1);
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
  $("record").disabled = true;
  try {
    recording = await startRecording();
  } catch (error) {
    return fail(new Error(t("noMicrophone", { reason: error.message })));
  } finally {
    $("record").disabled = false;
  }
  showRecording(true);
  drawRecording();
  $("rec-send").focus();
}

async function finish(keep) {
  const current = recording;
  recording = null;
  showRecording(false);
  focusInput();
  if (!current) return;
  if (!keep) return current.cancel();
  if (current.seconds() < 0.3) {
    current.cancel();
    return toast(t("tooShort"));
  }
  const { file, seconds } = await current.stop();
  await post((userId) => upload(userId, "voice", file, { name: "voice.wav", seconds, replyTo: repliedTo() }));
  endReply();
}

// Typing goes to the text field, wherever one has clicked before.
function catchTyping(event) {
  const isText = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
  const isTaken = event.target.closest("input, textarea, select, dialog, .recording, .people");
  if (isText && event.key !== " " && !isTaken) $("input").focus();
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
  $("record").addEventListener("click", record);
  $("rec-send").addEventListener("click", () => finish(true).catch(fail));
  $("rec-cancel").addEventListener("click", () => finish(false).catch(fail));
  $("recording").addEventListener("keydown", (event) => {
    if (event.key === "Escape") finish(false).catch(fail);
  });
  document.addEventListener("keydown", catchTyping);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#commands, #slash, #input")) hideCommands();
  });
  fit();
}

// The line at the bottom: text, commands, voice recording.

import { $, el, fail, focusInput, isTouch, toast } from "./dom.js";
import { editText, sendText, upload } from "./api.js";
import { DICE, offerContact, offerLocation, offerPoll, sendDice } from "./asks.js";
import { duration, t } from "./i18n.js";
import { hideInline, startInline, suggestInline } from "./inline.js";
import { openMenu } from "./menu.js";
import { startRecording } from "./recorder.js";
import { editMessage, edited, endReply, repliedTo, stepReply } from "./reply.js";
import { here, session } from "./session.js";

const LONGEST = 4096; // characters of a message

let commands = [];
let chosen = -1;
let recording = null;
let place = "null"; // of the draft in the field
const drafts = new Map(); // by place

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
    await sendText(here(), part, repliedTo());
    endReply();
  }
}

// --- text ---

// Each chat and topic of each user has its draft.
export function openDraft() {
  const input = $("input");
  const next = JSON.stringify(session.userId && here());
  if (next === place) return;
  if (recording) finish(false).catch(fail);
  if (edited()) endEdit();
  drafts.set(place, input.value);
  place = next;
  input.value = drafts.get(place) ?? "";
  hideCommands();
  hideInline();
  fit();
}

export function write(text) {
  $("input").value = text;
  $("input").focus();
  fit();
  suggest();
}

export function startEdit(message) {
  editMessage(message);
  write(message.text);
}

export function endEdit() {
  endReply();
  $("input").value = "";
  fit();
}

function fit() {
  const input = $("input");
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight + 2}px`;
  $("composer").classList.toggle("has-text", input.value.trim() !== "");
}

async function change(message, text) {
  if (text !== message.text) await editText(here(), message.message_id, text);
  endReply();
}

async function submit() {
  const input = $("input");
  const text = input.value.trim();
  if (!text) return;
  const old = edited();
  input.value = "";
  fit();
  hideCommands();
  hideInline();
  try {
    if (old) await change(old, text);
    else await say(text);
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
  if (suggestInline()) return hideCommands();
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
  else if (edited() && event.key === "Escape") endEdit();
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
  await upload(here(), "voice", file, { name: "voice.wav", seconds, replyTo: repliedTo() });
  endReply();
}

// --- what else can be sent ---

function offerMore() {
  const run = (task) => () => Promise.resolve(task()).catch(fail);
  openMenu(
    { anchor: $("attach") },
    [
      { icon: "file", label: t("photoOrFile"), testid: "attach-file", run: () => $("file").click() },
      { icon: "place", label: t("location"), testid: "attach-location", run: offerLocation },
      { icon: "person", label: t("contact"), testid: "attach-contact", run: run(offerContact) },
      { icon: "poll", label: t("poll"), testid: "attach-poll", run: offerPoll },
    ],
    DICE.map((emoji) => ({ text: emoji, label: emoji, run: run(() => sendDice(emoji)) })),
  );
}

// Typing goes to the text field, wherever one has clicked before.
function catchTyping(event) {
  const isText = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
  const isTaken = event.target.closest("input, textarea, select, dialog, .recording, .menu, .drawer");
  if (isText && event.key !== " " && !isTaken && !isTouch()) $("input").focus();
}

export function startComposer() {
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
  $("attach").addEventListener("click", offerMore);
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
  startInline(() => write(""));
  fit();
}

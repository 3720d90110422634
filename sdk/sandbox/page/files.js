// The dialog every chosen, dropped or pasted file goes through: what to send it as, caption, album, errors.

import { $, el, fail, icon } from "./dom.js";
import { upload } from "./api.js";
import { fileSize, t } from "./i18n.js";
import { endReply, repliedTo } from "./reply.js";
import { here } from "./session.js";

// _raw: the bytes as they are
const KINDS = ["voice", "voice_raw", "audio", "video_note", "video", "animation", "photo", "document"];
const MOST_IN_ALBUM = 10;
let items = [];

function guess(file) {
  if (/^image\/(jpeg|png)$/.test(file.type)) return "photo";
  if (file.type === "image/gif") return "animation";
  if (file.type.startsWith("video/")) return "video";
  if (file.type.startsWith("audio/")) return "audio";
  return "document";
}

function measure(file) {
  if (!/^(audio|video)\//.test(file.type)) return Promise.resolve(0);
  const probe = document.createElement(file.type.startsWith("audio/") ? "audio" : "video");
  const url = URL.createObjectURL(file);
  return new Promise((resolve) => {
    probe.preload = "metadata";
    probe.onloadedmetadata = () => resolve(Number.isFinite(probe.duration) ? probe.duration : 0);
    probe.onerror = () => resolve(0);
    probe.src = url;
  }).finally(() => URL.revokeObjectURL(url));
}

// A small picture of a picture; only kinds of images that cannot carry programs.
function face({ file }) {
  if (!/^image\/(jpeg|png|gif|webp)$/.test(file.type))
    return el("span", { class: "file-icon" }, icon("file"));
  const url = URL.createObjectURL(file);
  const image = el("img", { class: "file-face", src: url, alt: "" });
  for (const event of ["load", "error"]) image.addEventListener(event, () => URL.revokeObjectURL(url));
  return image;
}

function row(item) {
  const kind = el(
    "select",
    {
      testid: "file-kind",
      "aria-label": `${t("sendAs")}: ${item.file.name}`,
      onchange: () => {
        item.kind = kind.value;
        drawAlbum();
      },
    },
    KINDS.map((name) => el("option", { value: name, selected: name === item.kind }, t(`kind_${name}`))),
  );
  const remove = el(
    "button",
    {
      type: "button",
      class: "icon",
      "aria-label": `${t("removeFile")}: ${item.file.name}`,
      onclick: () => drop(item),
    },
    icon("close"),
  );
  return el(
    "li",
    {},
    face(item),
    el(
      "span",
      { class: "file-about" },
      el("strong", { dir: "auto" }, item.file.name),
      el("small", {}, fileSize(item.file.size)),
    ),
    remove,
    kind,
  );
}

// Pictures and films go together, and so do files of one kind.
function albumKind() {
  const kinds = new Set(items.map(({ kind }) => (kind === "video" ? "photo" : kind)));
  return items.length > 1 && kinds.size === 1 && ["photo", "document", "audio"].includes([...kinds][0]);
}

function drawAlbum() {
  $("file-album-line").hidden = !albumKind();
}

function draw() {
  $("file-list").replaceChildren(...items.map(row));
  drawAlbum();
}

function drop(item) {
  items = items.filter((other) => other !== item);
  if (items.length) draw();
  else $("file-dialog").close();
}

function problem(text) {
  $("file-problem").hidden = !text;
  $("file-problem").textContent = text;
}

async function sendOne(item, album) {
  const { file, kind } = item;
  const seconds = await measure(file);
  const caption = $("file-caption").value.trim();
  await upload(here(), kind, file, { name: file.name, seconds, caption, replyTo: repliedTo(), album });
  endReply();
  $("file-caption").value = "";
  drop(item);
}

async function send(event) {
  event.preventDefault();
  const button = $("file-send");
  if (button.disabled) return;
  button.disabled = true;
  button.textContent = t("sending");
  problem("");
  const isAlbum = albumKind() && $("file-album").checked;
  try {
    for (let sent = 0, album; items.length; sent++) {
      if (sent % MOST_IN_ALBUM === 0) album = isAlbum ? crypto.randomUUID().replaceAll("-", "") : undefined;
      await sendOne(items[0], album);
    }
  } catch (error) {
    problem(error.message);
  }
  button.disabled = false;
  button.textContent = t("send");
}

export function offerFiles(files) {
  const fresh = [...files].map((file) => ({ file, kind: guess(file) }));
  if (!fresh.length) return;
  items = $("file-dialog").open ? [...items, ...fresh] : fresh;
  problem("");
  draw();
  if (!$("file-dialog").open) $("file-dialog").showModal();
  $("file-send").focus();
}

// mayDrop() tells whether there is somebody to send as.
export function startFiles(mayDrop) {
  $("file").addEventListener("change", () => {
    offerFiles($("file").files);
    $("file").value = "";
  });
  $("file-form").addEventListener("submit", (event) => send(event).catch(fail));
  $("file-cancel").addEventListener("click", () => $("file-dialog").close());
  $("file-dialog").addEventListener("close", () => {
    items = [];
    $("file-caption").value = "";
  });

  const isFile = (event) => mayDrop() && [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    $("drop").hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) $("drop").hidden = true;
  });
  document.addEventListener("drop", (event) => {
    $("drop").hidden = true;
    if (!isFile(event)) return;
    event.preventDefault();
    offerFiles(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (mayDrop() && event.clipboardData.files.length) offerFiles(event.clipboardData.files);
  });
}

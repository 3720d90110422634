// Files in messages: pictures, videos, sound, documents; several of them as a mosaic.

import { el, icon } from "./dom.js";
import { fileUrl } from "./api.js";
import { duration, fileSize, t } from "./i18n.js";
import { player } from "./player.js";

const largest = (sizes) => sizes.reduce((a, b) => (b.width * b.height > a.width * a.height ? b : a));

const gone = () => el("p", { class: "gone" }, t("fileGone"));

// What the viewer shows: {message_id, kind, file_id, width, height, name}; null when the message has nothing to see.
export function visualOf(message) {
  const { message_id, photo, video, animation, live_photo: live } = message;
  const still = photo?.length ? largest(photo) : live?.photo?.length ? largest(live.photo) : null;
  if (still) return { ...still, message_id, kind: "photo", name: `photo-${message_id}.jpg` };
  if (animation)
    return {
      ...animation,
      message_id,
      kind: "animation",
      name: animation.file_name ?? `animation-${message_id}.mp4`,
    };
  if (video)
    return { ...video, message_id, kind: "video", name: video.file_name ?? `video-${message_id}.mp4` };
  return null;
}

export const isVisual = (message) => visualOf(message) !== null;

const isPicture = (visual) => visual.kind === "photo" || /^image\//.test(visual.mime_type ?? "");

function picture(visual) {
  const image = el("img", {
    src: fileUrl(visual.file_id),
    alt: t("photo"),
    width: visual.width,
    height: visual.height,
    loading: "lazy",
    draggable: false,
    testid: "photo",
  });
  image.addEventListener("error", () => image.replaceWith(gone()));
  return image;
}

function film(visual) {
  const isLoop = visual.kind === "animation";
  const video = el("video", {
    src: fileUrl(visual.file_id),
    width: visual.width,
    height: visual.height,
    muted: true,
    loop: isLoop,
    autoplay: isLoop,
    playsInline: true,
    preload: "metadata",
    testid: "video",
    "aria-label": t(isLoop ? "animation" : "video"),
  });
  return [
    video,
    el(
      "span",
      { class: "film-mark" },
      isLoop ? "GIF" : visual.duration ? duration(visual.duration) : t("video"),
    ),
    !isLoop && el("span", { class: "film-play" }, icon("play")),
  ];
}

// A picture or film to be opened in the viewer; one that is hidden is uncovered first.
function tile(message, actions) {
  const visual = visualOf(message);
  const open = (event) => {
    if (!node.classList.contains("hidden-media")) return actions.view(message);
    event.stopPropagation();
    node.classList.remove("hidden-media");
    node.setAttribute("aria-label", label);
  };
  const label = t(visual.kind === "photo" ? "photo" : visual.kind);
  const node = el(
    "button",
    {
      type: "button",
      class: `media ${message.has_media_spoiler ? "hidden-media" : ""}`,
      testid: "media",
      "aria-label": message.has_media_spoiler ? t("hiddenMedia") : label,
      onclick: open,
    },
    isPicture(visual) ? picture(visual) : film(visual),
  );
  node.style.setProperty("--ratio", ratio(visual));
  node.dataset.itemId = message.message_id;
  return node;
}

function ratio({ width, height }) {
  return width > 0 && height > 0 ? Math.max(0.5, Math.min(2.2, width / height)) : 1.5;
}

// How many stand in each line of an album.
const LINES = {
  2: [2],
  3: [1, 2],
  4: [2, 2],
  5: [2, 3],
  6: [3, 3],
  7: [2, 2, 3],
  8: [2, 3, 3],
  9: [3, 3, 3],
  10: [3, 3, 4],
};

export function mosaic(messages, actions) {
  const tiles = messages.map((message) => tile(message, actions));
  const isFlat = messages.length === 2 && messages.every((message) => ratio(visualOf(message)) > 1.45);
  const lines = isFlat ? [1, 1] : (LINES[messages.length] ?? [messages.length]);
  let at = 0;
  return el(
    "div",
    { class: "mosaic", role: "group", "aria-label": t("album"), testid: "album" },
    lines.map((count) => {
      const row = messages.slice(at, at + count);
      const node = el("div", { class: "mosaic-row" }, tiles.slice(at, at + count));
      node.style.setProperty(
        "--ratio",
        row.reduce((sum, message) => sum + ratio(visualOf(message)), 0),
      );
      at += count;
      return node;
    }),
  );
}

// --- files and sound ---

export function documentLink(file, name = file.file_name || file.file_id) {
  const extension = /\.(\w{1,5})$/.exec(name)?.[1];
  return el(
    "a",
    {
      class: "file",
      testid: "document",
      dir: "ltr",
      href: fileUrl(file.file_id),
      download: name,
      title: `${t("download")}: ${name}`,
    },
    el("span", { class: "file-icon" }, extension ? el("b", {}, extension) : icon("file")),
    el(
      "span",
      { class: "file-about" },
      el("strong", { dir: "auto" }, shorten(name)),
      el("small", {}, file.file_size === undefined ? t("download") : fileSize(file.file_size)),
    ),
  );
}

// A long name keeps its beginning and its end, where the kind of file stands.
function shorten(name) {
  const chars = [...name];
  return chars.length > 64 ? `${chars.slice(0, 44).join("")}…${chars.slice(-16).join("")}` : name;
}

function audioTitle(audio) {
  const title = [audio.performer, audio.title].filter(Boolean).join(" — ");
  return title || audio.file_name || t("audio");
}

const save = (file, name) =>
  el(
    "a",
    {
      class: "save",
      href: fileUrl(file.file_id),
      download: name,
      title: t("download"),
      "aria-label": t("download"),
    },
    icon("download"),
  );

function sound(file, label, title, name) {
  return el(
    "div",
    { class: "sound" },
    player(fileUrl(file.file_id), { seconds: file.duration, title, label }),
    save(file, name),
  );
}

function videoNote(note) {
  const node = el("video", {
    class: "video-note",
    src: fileUrl(note.file_id),
    playsInline: true,
    preload: "metadata",
    testid: "video-note",
    tabIndex: 0,
    "aria-label": t("kind_video_note"),
  });
  const toggle = () => (node.paused ? node.play().catch(() => {}) : node.pause());
  node.addEventListener("click", toggle);
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    toggle();
  });
  return el(
    "div",
    { class: "note-frame" },
    node,
    el("span", { class: "film-mark" }, duration(note.duration)),
  );
}

function paid(message, actions) {
  const { paid_media: items, star_count: stars } = message.paid_media;
  const tiles = items.map((item, i) => {
    const photo = item.photo && { ...message, paid_media: undefined, photo: item.photo };
    const video = item.video && { ...message, paid_media: undefined, video: item.video };
    return photo || video
      ? tile(photo ?? video, actions)
      : el("span", { class: "media locked", "data-n": i });
  });
  return el(
    "div",
    { class: "mosaic paid", testid: "paid-media" },
    el("div", { class: "mosaic-row" }, tiles),
    el("span", { class: "price stars" }, icon("star"), String(stars)),
  );
}

// The message's own file as an element, or null when it has none.
export function attached(message, actions) {
  if (message.paid_media) return paid(message, actions);
  if (isVisual(message)) return tile(message, actions);
  if (message.voice) return sound(message.voice, t("voice"), undefined, `voice-${message.message_id}.ogg`);
  if (message.audio)
    return sound(
      message.audio,
      t("audio"),
      audioTitle(message.audio),
      message.audio.file_name ?? `audio-${message.message_id}`,
    );
  if (message.video_note) return videoNote(message.video_note);
  if (message.document) return documentLink(message.document);
  return null;
}

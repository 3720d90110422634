// A small audio player: play button, the shape of the sound, time. The file is fetched whole, so one can jump in
// it without HTTP ranges.

import { el, icon, toast } from "./dom.js";
import { duration, t } from "./i18n.js";

const BARS = 44;
const FLAT = Array(BARS).fill(0.12);

async function shapeOf(blob) {
  const sound = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(await blob.arrayBuffer());
  const samples = sound.getChannelData(0);
  const step = Math.max(1, Math.floor(samples.length / BARS));
  const peaks = FLAT.map((_, bar) => {
    let sum = 0;
    for (let i = bar * step; i < Math.min((bar + 1) * step, samples.length); i++) sum += samples[i] ** 2;
    return Math.sqrt(sum / step);
  });
  const top = Math.max(...peaks, 0.01);
  return { seconds: sound.duration, peaks: peaks.map((peak) => Math.max(0.12, peak / top)) };
}

let playing = null;

export function player(url, { seconds, title, label }) {
  const audio = new Audio();
  const bars = el(
    "div",
    { class: "wave", "aria-hidden": "true" },
    FLAT.map(() => el("i")),
  );
  const slider = el("input", { type: "range", min: 0, max: 1000, value: 0, "aria-label": t("seek") });
  const time = el("span", { class: "time" }, duration(seconds));
  const button = el(
    "button",
    { type: "button", class: "play", testid: "play", "aria-label": t("play") },
    icon("play"),
  );
  const node = el(
    "div",
    { class: "player", role: "group", "aria-label": label, dir: "ltr" },
    button,
    el(
      "div",
      { class: "track" },
      title && el("strong", { class: "track-title", dir: "auto" }, title),
      el("div", { class: "wave-box" }, bars, slider),
      time,
    ),
  );

  let length = seconds || 0;
  let loaded = null;
  const load = () =>
    (loaded ??= (async () => {
      const response = await fetch(url);
      if (!response.ok) throw new Error(t("fileGone"));
      const blob = await response.blob();
      audio.src = URL.createObjectURL(blob);
      const shape = await shapeOf(blob).catch(() => null);
      if (!shape) return;
      length = shape.seconds;
      [...bars.children].forEach((bar, i) => bar.style.setProperty("--h", shape.peaks[i]));
      draw();
    })());

  function draw() {
    const share = length ? audio.currentTime / length : 0;
    slider.value = share * 1000;
    node.style.setProperty("--played", share);
    [...bars.children].forEach((bar, i) => bar.classList.toggle("past", (i + 0.5) / BARS <= share));
    time.textContent =
      audio.currentTime > 0 ? `${duration(audio.currentTime)} / ${duration(length)}` : duration(length);
    const running = !audio.paused && !audio.ended;
    button.replaceChildren(icon(running ? "pause" : "play"));
    button.setAttribute("aria-label", t(running ? "pause" : "play"));
    if (running) requestAnimationFrame(draw);
  }

  async function toggle() {
    if (!audio.paused) return audio.pause();
    try {
      await load();
    } catch (error) {
      loaded = null;
      return toast(error.message, "error");
    }
    if (playing !== audio) playing?.pause();
    playing = audio;
    await audio.play().catch(() => toast(t("cannotPlay"), "error"));
  }

  button.addEventListener("click", toggle);
  slider.addEventListener("input", () => {
    if (length && audio.src) audio.currentTime = (slider.value / 1000) * length;
    draw();
  });
  for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, draw);
  audio.addEventListener("ended", () => {
    audio.currentTime = 0;
  });

  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    load().catch(() => {
      loaded = null;
      node.classList.add("gone");
      time.textContent = t("fileGone");
    });
  });
  seen.observe(node);
  return node;
}

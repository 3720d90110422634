// Pictures and films over the whole window: next and previous, zoom, download.

import { el, iconButton } from "./dom.js";
import { fileUrl } from "./api.js";
import { t } from "./i18n.js";

const CLOSEST = 4;

let node = null;
let list = [];
let at = 0;
let zoom = { scale: 1, x: 0, y: 0 };

const isFilm = (visual) => visual.kind !== "photo" && !/^image\//.test(visual.mime_type ?? "");

function shown(visual) {
  if (isFilm(visual))
    return el("video", {
      src: fileUrl(visual.file_id),
      controls: true,
      autoplay: true,
      loop: visual.kind === "animation",
      testid: "viewer-video",
    });
  return el("img", {
    src: fileUrl(visual.file_id),
    alt: t("photo"),
    draggable: false,
    testid: "viewer-photo",
  });
}

function applyZoom() {
  const image = node.querySelector(".viewer-stage > *");
  image.style.transform = `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})`;
  node.classList.toggle("zoomed", zoom.scale > 1);
}

function setZoom(scale, x = 0, y = 0) {
  const kept = Math.max(1, Math.min(CLOSEST, scale));
  zoom = kept === 1 ? { scale: 1, x: 0, y: 0 } : { scale: kept, x, y };
  applyZoom();
}

function draw() {
  const visual = list[at];
  node.querySelector(".viewer-stage").replaceChildren(shown(visual));
  node.querySelector(".viewer-count").textContent =
    list.length > 1 ? t("ofMany", { n: at + 1, count: list.length }) : "";
  const save = node.querySelector(".viewer-save");
  save.href = fileUrl(visual.file_id);
  save.download = visual.name;
  for (const [name, hidden] of [
    ["left", at === 0],
    ["right", at === list.length - 1],
  ])
    node.querySelector(`.viewer-${name}`).hidden = hidden;
  setZoom(1);
}

function step(by) {
  const next = at + by;
  if (next < 0 || next >= list.length) return;
  at = next;
  draw();
}

// --- fingers and mouse ---

function watchPointers(stage) {
  const down = new Map();
  let start = null;
  const gap = () => {
    const [a, b] = [...down.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.target.matches("video")) return;
    stage.setPointerCapture(event.pointerId);
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    start = {
      x: event.clientX,
      y: event.clientY,
      zoom: { ...zoom },
      gap: down.size === 2 ? gap() : 0,
      moved: 0,
    };
  });
  stage.addEventListener("pointermove", (event) => {
    if (!down.has(event.pointerId)) return;
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
    start.moved = Math.max(start.moved, Math.hypot(dx, dy));
    if (down.size === 2) setZoom(start.zoom.scale * (gap() / start.gap), start.zoom.x, start.zoom.y);
    else if (zoom.scale > 1) setZoom(zoom.scale, start.zoom.x + dx, start.zoom.y + dy);
  });
  const up = (event) => {
    if (!down.delete(event.pointerId)) return;
    const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
    if (down.size || start.gap) return;
    if (start.moved < 6) {
      const onPicture = document
        .elementsFromPoint(event.clientX, event.clientY)
        .some((hit) => hit.matches("img"));
      if (!onPicture) node.close();
      else if (zoom.scale > 1) setZoom(1);
      else setZoom(2, innerWidth / 2 - event.clientX, innerHeight / 2 - event.clientY);
    } else if (zoom.scale === 1 && Math.abs(dx) > 50 && Math.abs(dx) > Math.abs(dy)) step(dx < 0 ? 1 : -1);
    else if (zoom.scale === 1 && dy > 90) node.close();
  };
  stage.addEventListener("pointerup", up);
  stage.addEventListener("pointercancel", (event) => down.delete(event.pointerId));
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      setZoom(zoom.scale * Math.exp(-event.deltaY / 300), zoom.x, zoom.y);
    },
    { passive: false },
  );
}

function make() {
  const stage = el("div", { class: "viewer-stage" });
  node = el(
    "dialog",
    { class: "viewer", testid: "viewer", "aria-label": t("viewer") },
    stage,
    el(
      "div",
      { class: "viewer-bar" },
      el("span", { class: "viewer-count", testid: "viewer-count" }),
      el("a", {
        class: "icon viewer-save",
        testid: "viewer-save",
        title: t("download"),
        "aria-label": t("download"),
      }),
      iconButton("close", t("close"), () => node.close(), { testid: "viewer-close" }),
    ),
    iconButton("left", t("previous"), () => step(-1), { class: "viewer-left", testid: "viewer-left" }),
    iconButton("right", t("next"), () => step(1), { class: "viewer-right", testid: "viewer-right" }),
  );
  node.querySelector(".viewer-save").append(iconButton("download", "", null).firstChild);
  node.addEventListener("keydown", (event) => {
    const run = {
      ArrowLeft: () => step(-1),
      ArrowRight: () => step(1),
      "+": () => setZoom(zoom.scale * 1.5),
      "-": () => setZoom(zoom.scale / 1.5),
    }[event.key];
    if (!run || event.target.matches("video")) return;
    event.preventDefault();
    run();
  });
  node.addEventListener("close", () => node.remove());
  watchPointers(stage);
}

export function showVisuals(visuals, first) {
  if (!visuals.length) return;
  list = visuals;
  at = Math.max(0, first);
  make();
  document.body.append(node);
  draw();
  node.showModal();
}

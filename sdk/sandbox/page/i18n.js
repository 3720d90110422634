// The page's own words in two languages. The bot's words come from the bot.

const LANGUAGES = ["en", "ru"];
const WORDS = {
  sandbox: ["sandbox", "песочница"],
  people: ["People", "Собеседники"],
  talkAs: ["Talk as", "Писать от имени"],
  addUser: ["Add a person", "Добавить человека"],
  close: ["Close", "Закрыть"],
  interfaceLanguage: ["Interface language", "Язык интерфейса"],
  simulated: [
    "A simulated Telegram on this machine. Nothing leaves it.",
    "Telegram понарошку, на этой машине. Наружу ничего не уходит.",
  ],
  messages: ["Messages", "Сообщения"],
  requests: ["Bot's requests", "Запросы бота"],
  connectionLost: [
    "Connection to the sandbox is lost. Reconnecting…",
    "Связь с песочницей потеряна. Подключаемся снова…",
  ],
  toEnd: ["To the latest message", "К последнему сообщению"],
  dropHere: ["Drop files to send them", "Отпустите файлы, чтобы отправить"],
  commands: ["Commands", "Команды"],
  message: ["Message", "Сообщение"],
  keyboard: ["Bot's keyboard", "Клавиатура бота"],
  replyTo: ["Reply to", "Ответ на"],
  reply: ["Reply", "Ответить"],
  cancelReply: ["Do not reply", "Не отвечать"],
  attach: ["Attach a file", "Прикрепить файл"],
  record: ["Record a voice message", "Записать голосовое сообщение"],
  send: ["Send", "Отправить"],
  cancel: ["Cancel", "Отмена"],
  showPolls: ["getUpdates", "getUpdates"],
  ok: ["OK", "Понятно"],
  name: ["First name", "Имя"],
  language: ["Language", "Язык"],
  notSet: ["not set", "не указан"],
  add: ["Add", "Добавить"],
  sendFiles: ["Send files", "Отправка файлов"],
  caption: ["Caption", "Подпись"],
  photo: ["Photo", "Фото"],
  sendAs: ["Send as", "Отправить как"],
  kind_voice: ["Voice message", "Голосовое сообщение"],
  kind_voice_raw: ["Voice message, not converted", "Голосовое без преобразования"],
  kind_video: ["Video", "Видео"],
  kind_audio: ["Audio", "Аудио"],
  kind_video_note: ["Video message", "Видеосообщение"],
  kind_photo: ["Photo", "Фото"],
  kind_document: ["File", "Файл"],
  online: ["bot is running", "бот работает"],
  offline: ["bot is not running", "бот не запущен"],
  noSandbox: ["no connection", "нет связи"],
  connecting: ["connecting…", "подключаемся…"],
  edited: ["edited", "изменено"],
  download: ["Download", "Скачать"],
  play: ["Play", "Слушать"],
  pause: ["Pause", "Пауза"],
  seek: ["Position", "Место записи"],
  fileGone: ["The file cannot be loaded", "Файл не загружается"],
  cannotPlay: ["This browser cannot play the file", "Браузер не может воспроизвести этот файл"],
  spoiler: ["Hidden text, press to show", "Скрытый текст, нажмите, чтобы показать"],
  video: ["Video", "Видео"],
  voice: ["Voice message", "Голосовое сообщение"],
  audio: ["Audio", "Аудио"],
  sticker: ["Sticker", "Стикер"],
  unsupported: ["This page does not draw this kind of message", "Эта страница не рисует такие сообщения"],
  from: ["from", "от"],
  noUsers: [
    "Nobody is here yet. Add the person you will talk as.",
    "Здесь пока никого. Добавьте человека, от имени которого будете писать.",
  ],
  emptyChat: ["No messages yet. Say hello to the bot.", "Сообщений пока нет. Поздоровайтесь с ботом."],
  start: ["Start", "Начать"],
  noCommands: ["The bot has not registered commands", "Бот не объявил команд"],
  noAnswer: ["The bot has not answered the button", "Бот не ответил на кнопку"],
  copied: ["Copied", "Скопировано"],
  notSimulated: ["The sandbox does not simulate this button", "Песочница не изображает такую кнопку"],
  noMicrophone: ["The microphone is not available: {reason}", "Микрофон недоступен: {reason}"],
  tooShort: ["The recording is too short", "Запись слишком короткая"],
  sending: ["Sending…", "Отправляем…"],
  params: ["Request", "Запрос"],
  ignored: ["Unknown parameters, ignored", "Неизвестные параметры, пропущены"],
  response: ["Answer", "Ответ"],
  httpError: ["The sandbox answered {status}", "Песочница ответила {status}"],
  badAnswer: ["The sandbox gave an unreadable answer", "Ответ песочницы не читается"],
  unreachable: ["The sandbox does not answer", "Песочница не отвечает"],
  you: ["You", "Вы"],
  bot: ["Bot", "Бот"],
  newMessages: ["New messages: {count}", "Новых сообщений: {count}"],
  today: ["Today", "Сегодня"],
  yesterday: ["Yesterday", "Вчера"],
  removeFile: ["Remove", "Убрать"],
  action_typing: ["typing…", "печатает…"],
  action_upload_photo: ["sending a photo…", "отправляет фото…"],
  action_record_video: ["recording a video…", "записывает видео…"],
  action_upload_video: ["sending a video…", "отправляет видео…"],
  action_record_voice: ["recording a voice message…", "записывает голосовое…"],
  action_upload_voice: ["sending a voice message…", "отправляет голосовое…"],
  action_upload_document: ["sending a file…", "отправляет файл…"],
  action_choose_sticker: ["choosing a sticker…", "выбирает стикер…"],
  action_find_location: ["looking for a place…", "ищет место…"],
  action_record_video_note: ["recording a video message…", "записывает видеосообщение…"],
  action_upload_video_note: ["sending a video message…", "отправляет видеосообщение…"],
  bytes: ["B", "Б"],
  kilobytes: ["KB", "КБ"],
  megabytes: ["MB", "МБ"],
};

const stored = localStorage.getItem("aisha.lang");
let lang = LANGUAGES.includes(stored)
  ? stored
  : navigator.language.toLowerCase().startsWith("ru")
    ? "ru"
    : "en";

export const language = () => lang;

export function setLanguage(code) {
  lang = code;
  localStorage.setItem("aisha.lang", code);
}

export function t(key, values = {}) {
  const text = WORDS[key]?.[LANGUAGES.indexOf(lang)] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// Fills every element that names a word in a data-t attribute.
export function translatePage(root = document) {
  document.documentElement.lang = lang;
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-placeholder]"))
    node.placeholder = t(node.dataset.tPlaceholder);
  for (const node of root.querySelectorAll("[data-t-label]")) {
    node.setAttribute("aria-label", t(node.dataset.tLabel));
    if (node.matches("button")) node.title = t(node.dataset.tLabel);
  }
  for (const node of root.querySelectorAll("[data-lang]"))
    node.setAttribute("aria-pressed", node.dataset.lang === lang);
}

export const clock = (seconds) =>
  new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(
    seconds * 1000,
  );

export function day(seconds) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const date = new Date(seconds * 1000);
  const ago = Math.round((midnight - new Date(date).setHours(0, 0, 0, 0)) / 86400000);
  if (ago === 0) return t("today");
  if (ago === 1) return t("yesterday");
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat(lang, { day: "numeric", month: "long", year }).format(date);
}

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds || 0));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function fileSize(bytes) {
  const format = (value) => new Intl.NumberFormat(lang, { maximumFractionDigits: 1 }).format(value);
  if (bytes < 1024) return `${format(bytes)} ${t("bytes")}`;
  if (bytes < 1048576) return `${format(bytes / 1024)} ${t("kilobytes")}`;
  return `${format(bytes / 1048576)} ${t("megabytes")}`;
}

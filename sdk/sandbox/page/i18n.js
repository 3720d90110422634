// The page's own words in two languages. The bot's words come from the bot.

const WORDS = {
  en: {
    sandbox: "sandbox", people: "People", talkAs: "Talk as", addUser: "Add a person", close: "Close", interfaceLanguage: "Interface language",
    simulated: "A simulated Telegram on this machine. Nothing leaves it.", messages: "Messages", requests: "Bot's requests",
    connectionLost: "Connection to the sandbox is lost. Reconnecting…", toEnd: "To the latest message", dropHere: "Drop files to send them",
    commands: "Commands", message: "Message", keyboard: "Bot's keyboard", attach: "Attach a file", record: "Record a voice message", send: "Send",
    cancel: "Cancel", showPolls: "getUpdates", ok: "OK", name: "First name", language: "Language", notSet: "not set", add: "Add",
    sendFiles: "Send files", caption: "Caption", photo: "Photo", sendAs: "Send as",
    kind_voice: "Voice message", kind_voice_raw: "Voice message, not converted", kind_video: "Video", kind_audio: "Audio", kind_video_note: "Video message", kind_photo: "Photo", kind_document: "File",
    online: "bot is running", offline: "bot is not running", noSandbox: "no connection", connecting: "connecting…",
    edited: "edited", download: "Download", play: "Play", pause: "Pause", seek: "Position", fileGone: "The file cannot be loaded",
    cannotPlay: "This browser cannot play the file", spoiler: "Hidden text, press to show", video: "Video", voice: "Voice message",
    audio: "Audio", sticker: "Sticker", unsupported: "This page does not draw this kind of message", from: "from",
    noUsers: "Nobody is here yet. Add the person you will talk as.", emptyChat: "No messages yet. Say hello to the bot.", start: "Start",
    noCommands: "The bot has not registered commands", noAnswer: "The bot has not answered the button", copied: "Copied",
    notSimulated: "The sandbox does not simulate this button", noMicrophone: "The microphone is not available: {reason}",
    tooShort: "The recording is too short", sending: "Sending…", noRequests: "The bot has made no requests yet", params: "Request", ignored: "Unknown parameters, ignored", response: "Answer",
    httpError: "The sandbox answered {status}", badAnswer: "The sandbox gave an unreadable answer", unreachable: "The sandbox does not answer",
    you: "You", bot: "Bot", newMessages: "New messages: {count}", today: "Today", yesterday: "Yesterday", removeFile: "Remove",
    action_typing: "typing…", action_upload_photo: "sending a photo…", action_record_video: "recording a video…",
    action_upload_video: "sending a video…", action_record_voice: "recording a voice message…", action_upload_voice: "sending a voice message…",
    action_upload_document: "sending a file…", action_choose_sticker: "choosing a sticker…", action_find_location: "looking for a place…",
    action_record_video_note: "recording a video message…", action_upload_video_note: "sending a video message…",
    bytes: "B", kilobytes: "KB", megabytes: "MB",
  },
  ru: {
    sandbox: "песочница", people: "Собеседники", talkAs: "Писать от имени", addUser: "Добавить человека", close: "Закрыть",
    interfaceLanguage: "Язык интерфейса", simulated: "Telegram понарошку, на этой машине. Наружу ничего не уходит.", messages: "Сообщения",
    requests: "Запросы бота", connectionLost: "Связь с песочницей потеряна. Подключаемся снова…", toEnd: "К последнему сообщению",
    dropHere: "Отпустите файлы, чтобы отправить", commands: "Команды", message: "Сообщение", keyboard: "Клавиатура бота",
    attach: "Прикрепить файл", record: "Записать голосовое сообщение", send: "Отправить", cancel: "Отмена", showPolls: "getUpdates", ok: "Понятно",
    name: "Имя", language: "Язык", notSet: "не указан", add: "Добавить", sendFiles: "Отправка файлов", caption: "Подпись", photo: "Фото",
    sendAs: "Отправить как", kind_voice: "Голосовое сообщение", kind_voice_raw: "Голосовое без преобразования", kind_video: "Видео", kind_audio: "Аудио", kind_video_note: "Видеосообщение", kind_photo: "Фото",
    kind_document: "Файл", online: "бот работает", offline: "бот не запущен", noSandbox: "нет связи", connecting: "подключаемся…",
    edited: "изменено", download: "Скачать", play: "Слушать", pause: "Пауза", seek: "Место записи", fileGone: "Файл не загружается",
    cannotPlay: "Браузер не может воспроизвести этот файл", spoiler: "Скрытый текст, нажмите, чтобы показать", video: "Видео",
    voice: "Голосовое сообщение", audio: "Аудио", sticker: "Стикер", unsupported: "Эта страница не рисует такие сообщения", from: "от",
    noUsers: "Здесь пока никого. Добавьте человека, от имени которого будете писать.", emptyChat: "Сообщений пока нет. Поздоровайтесь с ботом.",
    start: "Начать", noCommands: "Бот не объявил команд", noAnswer: "Бот не ответил на кнопку", copied: "Скопировано",
    notSimulated: "Песочница не изображает такую кнопку", noMicrophone: "Микрофон недоступен: {reason}", tooShort: "Запись слишком короткая",
    sending: "Отправляем…", noRequests: "Бот ещё не делал запросов", params: "Запрос", ignored: "Неизвестные параметры, пропущены", response: "Ответ",
    httpError: "Песочница ответила {status}", badAnswer: "Ответ песочницы не читается", unreachable: "Песочница не отвечает",
    you: "Вы", bot: "Бот", newMessages: "Новых сообщений: {count}", today: "Сегодня", yesterday: "Вчера", removeFile: "Убрать",
    action_typing: "печатает…", action_upload_photo: "отправляет фото…", action_record_video: "записывает видео…",
    action_upload_video: "отправляет видео…", action_record_voice: "записывает голосовое…", action_upload_voice: "отправляет голосовое…",
    action_upload_document: "отправляет файл…", action_choose_sticker: "выбирает стикер…", action_find_location: "ищет место…",
    action_record_video_note: "записывает видеосообщение…", action_upload_video_note: "отправляет видеосообщение…",
    bytes: "Б", kilobytes: "КБ", megabytes: "МБ",
  },
};

const stored = localStorage.getItem("aisha.lang");
let lang = stored in WORDS ? stored : navigator.language.toLowerCase().startsWith("ru") ? "ru" : "en";

export const language = () => lang;

export function setLanguage(code) {
  lang = code;
  localStorage.setItem("aisha.lang", code);
}

export function t(key, values = {}) {
  const text = WORDS[lang][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// Fills every element that names a word in a data-t attribute.
export function translatePage(root = document) {
  document.documentElement.lang = lang;
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-placeholder]")) node.placeholder = t(node.dataset.tPlaceholder);
  for (const node of root.querySelectorAll("[data-t-label]")) {
    node.setAttribute("aria-label", t(node.dataset.tLabel));
    if (node.matches("button")) node.title = t(node.dataset.tLabel);
  }
  for (const node of root.querySelectorAll("[data-lang]")) node.setAttribute("aria-pressed", node.dataset.lang === lang);
}

export const clock = (seconds) =>
  new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(seconds * 1000);

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

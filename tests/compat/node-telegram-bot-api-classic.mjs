// The bot of test_bots.py, written for node-telegram-bot-api as it was before version 2. PACKAGE says which of its
// installed versions runs: 0.67, on which most bots still are, or 1.2, the same interface with another way to call.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";

const {
  BOT_TOKEN, API_ROOT, PACKAGE, PICTURE, WEBHOOK_URL, WEBHOOK_PORT, WEBHOOK_SECRET, WEBHOOK_KEY, WEBHOOK_CERT,
} = process.env;
const { default: TelegramBot } = await import(PACKAGE);
const ALBUM_PAUSE_MS = 500;

const webHook = {
  host: "127.0.0.1", port: Number(WEBHOOK_PORT), secretToken: WEBHOOK_SECRET, key: WEBHOOK_KEY, cert: WEBHOOK_CERT,
};
const bot = new TelegramBot(BOT_TOKEN, { baseApiUrl: API_ROOT, ...(WEBHOOK_URL ? { webHook } : { polling: true }) });

const counter = (count) => ({
  inline_keyboard: [[
    { text: `+1 (${count})`, callback_data: `count:${count + 1}` },
    { text: "Same", callback_data: "same" },
  ]],
});

/* The error of Telegram's answer; what is none is thrown on. */
function refusal(error) {
  if (error.code !== "ETELEGRAM") throw error;
  return error.response.body;
}

/* Waits as long as Telegram asks for, and calls again. */
async function patiently(call) {
  try {
    return await call();
  } catch (error) {
    const { error_code, parameters } = refusal(error);
    if (error_code !== 429) throw error;
    await new Promise((resolve) => setTimeout(resolve, parameters.retry_after * 1000));
    return patiently(call);
  }
}

/* As the libraries with middleware have it: an error in a handler is shown, and the bot goes on. */
const handled = (handler) => (...args) => Promise.resolve(handler(...args)).catch(console.error);
const command = (name, handler) =>
  bot.onText(new RegExp(`^/${name}(?: (.+))?$`), handled((msg, match) => handler(msg, match[1] ?? "")));

command("start", (msg, payload) =>
  bot.sendMessage(msg.chat.id, `Welcome, ${msg.from.first_name}: ${payload}`, { reply_markup: counter(0) }));

bot.on("callback_query", handled(async ({ id, data, message }) => {
  const place = { chat_id: message.chat.id, message_id: message.message_id };
  if (data !== "same") {
    const count = Number(data.split(":")[1]);
    await bot.answerCallbackQuery(id, { text: `Counted ${count}` });
    await bot.editMessageText(`Pressed ${count} times`, { ...place, reply_markup: counter(count) });
    return;
  }
  try {
    await bot.editMessageText(message.text, { ...place, reply_markup: message.reply_markup });
  } catch (error) {
    await bot.answerCallbackQuery(id, { text: refusal(error).description.slice(0, 200), show_alert: true });
  }
}));

command("html", (msg) =>
  bot.sendMessage(msg.chat.id, "<b>bold</b> &amp; <a href=\"https://example.org/\">link</a>", { parse_mode: "HTML" }));

command("album", async (msg) => {
  const sent = await bot.sendMediaGroup(msg.chat.id, [
    { type: "photo", media: PICTURE, caption: "<i>three</i> pictures", parse_mode: "HTML" },
    { type: "photo", media: await readFile(PICTURE) },
    { type: "photo", media: createReadStream(PICTURE) },
  ]);
  await bot.sendMessage(msg.chat.id, `sent ${sent.length} of ${sent[0].media_group_id}`);
});

const albums = new Map();

bot.on("message", (msg) => {
  if (!msg.media_group_id) return;
  const album = albums.get(msg.media_group_id) ?? { count: 0, caption: "" };
  albums.set(msg.media_group_id, album);
  album.count++;
  album.caption ||= msg.caption ?? "";
  clearTimeout(album.timer);
  album.timer = setTimeout(() => {
    albums.delete(msg.media_group_id);
    bot.sendMessage(msg.chat.id, `album of ${album.count}: ${album.caption}`).catch(console.error);
  }, ALBUM_PAUSE_MS);
});

bot.on("edited_message_text", handled((msg) =>
  bot.sendMessage(msg.chat.id, `now it says: ${msg.text}`, { reply_parameters: { message_id: msg.message_id } })));

bot.on("document", handled(async (msg) => {
  if (msg.media_group_id) return;
  const { file_id, file_name } = msg.document;
  const chunks = [];
  for await (const chunk of bot.getFileStream(file_id)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  await bot.sendMessage(msg.chat.id, `${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`);
  await bot.sendDocument(msg.chat.id, file_id, { caption: "the same by its id" });
  await bot.sendDocument(msg.chat.id, bytes, { caption: "the same as an upload" }, {
    filename: file_name, contentType: "application/octet-stream",
  });
}));

command("keyboard", (msg) =>
  bot.sendMessage(msg.chat.id, "Yes or no?", {
    reply_markup: { keyboard: [[{ text: "Yes" }, { text: "No" }]], resize_keyboard: true, one_time_keyboard: true },
  }));

bot.onText(/^(Yes|No)$/, handled((msg) =>
  bot.sendMessage(msg.chat.id, `You chose ${msg.text}`, { reply_markup: { remove_keyboard: true } })));

command("tell", async (msg, payload) => {
  const [id, ...words] = payload.split(" ");
  try {
    await patiently(() => bot.sendMessage(id, words.join(" ")));
  } catch (error) {
    const { error_code, description } = refusal(error);
    await bot.sendMessage(msg.chat.id, `${error_code} ${description}`);
  }
});

const prices = [{ label: "Hat", amount: 5 }];

command("buy", (msg, payload) =>
  bot.sendInvoice(msg.chat.id, "A hat", "A very nice hat", payload || "hat", "", "XTR", prices));

command("link", async (msg, payload) =>
  bot.sendMessage(msg.chat.id,
    await bot.createInvoiceLink("A hat", "A very nice hat", payload || "hat", "", "XTR", prices)));

bot.on("pre_checkout_query", handled(({ id, invoice_payload }) =>
  invoice_payload === "sold-out"
    ? bot.answerPreCheckoutQuery(id, false, { error_message: "Sold out" })
    : bot.answerPreCheckoutQuery(id, true)));

bot.on("successful_payment", handled((msg) => {
  const { total_amount, currency, invoice_payload, telegram_payment_charge_id } = msg.successful_payment;
  return bot.sendMessage(msg.chat.id,
    `paid ${total_amount} ${currency} for ${invoice_payload}: ${telegram_payment_charge_id}`);
}));

command("refund", async (msg, charge) => {
  try {
    await bot.refundStarPayment(msg.from.id, charge);
    await bot.sendMessage(msg.chat.id, "refunded");
  } catch (error) {
    const { error_code, description } = refusal(error);
    await bot.sendMessage(msg.chat.id, `${error_code} ${description}`);
  }
});

bot.on("inline_query", handled(({ id, query }) =>
  bot.answerInlineQuery(id, [{
    type: "article", id: "1", title: `Say ${query}`, input_message_content: { message_text: `inline: ${query}` },
  }], { cache_time: 0 })));

bot.onText(/^(?!\/|Yes$|No$)/, handled((msg) => bot.sendMessage(msg.chat.id, `echo: ${msg.text}`)));

await bot.setMyCommands([
  { command: "start", description: "Begin" }, { command: "album", description: "Pictures" },
]);
if (WEBHOOK_URL) {
  await bot.setWebHook(WEBHOOK_URL, {
    secret_token: WEBHOOK_SECRET,
    ...(WEBHOOK_CERT ? { certificate: WEBHOOK_CERT } : {}),
  });
  process.once("SIGTERM", () => bot.closeWebHook());
} else {
  process.once("SIGTERM", () => bot.stopPolling());
}

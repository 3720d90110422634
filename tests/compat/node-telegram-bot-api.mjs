// The bot of test_bots.py, written with node-telegram-bot-api 2.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

import {
  Bot, InlineKeyboardBuilder, InputFile, MediaGroupBuilder, ReplyKeyboardBuilder, TelegramApiError,
} from "node-telegram-bot-api";
import { fromPath, run, startWebhook } from "node-telegram-bot-api/node";

const { BOT_TOKEN, API_ROOT, PICTURE, WEBHOOK_URL, WEBHOOK_PORT, WEBHOOK_SECRET } = process.env;
const ALBUM_PAUSE_MS = 500;

const bot = new Bot(BOT_TOKEN, { apiRoot: API_ROOT });

const counter = (count) =>
  new InlineKeyboardBuilder().text(`+1 (${count})`, `count:${count + 1}`).text("Same", "same").build();

bot.command("start", (ctx) => ctx.reply(`Welcome, ${ctx.from.first_name}: ${ctx.match}`, { reply_markup: counter(0) }));

bot.on("callback_query", async (ctx) => {
  const { data, message } = ctx.callbackQuery;
  const place = { chat_id: message.chat.id, message_id: message.message_id };
  if (data !== "same") {
    const count = Number(data.split(":")[1]);
    await ctx.answerCallbackQuery({ text: `Counted ${count}` });
    await ctx.api.editMessageText({ ...place, text: `Pressed ${count} times`, reply_markup: counter(count) });
    return;
  }
  try {
    await ctx.api.editMessageText({ ...place, text: message.text, reply_markup: message.reply_markup });
  } catch (error) {
    if (!(error instanceof TelegramApiError) || error.errorCode !== 400) throw error;
    await ctx.answerCallbackQuery({ text: error.description.slice(0, 200), show_alert: true });
  }
});

const MARKED_UP = "<b>bold</b> &amp; <a href=\"https://example.org/\">link</a>";

bot.command("html", (ctx) => ctx.reply(MARKED_UP, { parse_mode: "HTML" }));

bot.command("album", async (ctx) => {
  const bytes = await readFile(PICTURE);
  const sent = await ctx.api.sendMediaGroup({
    chat_id: ctx.chatId,
    media: new MediaGroupBuilder()
      .photo({ media: await fromPath(PICTURE), caption: "<i>three</i> pictures", parse_mode: "HTML" })
      .photo({ media: new InputFile(bytes, { filename: "b.png" }) })
      .photo({ media: new InputFile(() => new Blob([bytes]).stream(), { filename: "c.png" }) })
      .build(),
  });
  await ctx.reply(`sent ${sent.length} of ${sent[0].media_group_id}`);
});

const albums = new Map();

bot.on("message", async (ctx, next) => {
  const { media_group_id, caption } = ctx.message;
  if (!media_group_id) return next();
  const album = albums.get(media_group_id) ?? { count: 0, caption: "" };
  albums.set(media_group_id, album);
  album.count++;
  album.caption ||= caption ?? "";
  clearTimeout(album.timer);
  album.timer = setTimeout(() => {
    albums.delete(media_group_id);
    ctx.reply(`album of ${album.count}: ${album.caption}`).catch(console.error);
  }, ALBUM_PAUSE_MS);
});

bot.on("edited_message", (ctx) =>
  ctx.reply(`now it says: ${ctx.editedMessage.text}`, {
    reply_parameters: { message_id: ctx.editedMessage.message_id },
  }));

bot.on("message", async (ctx, next) => {
  const { document } = ctx.message;
  if (!document) return next();
  const { file_path } = await ctx.api.getFile({ file_id: document.file_id });
  const answer = await fetch(`${API_ROOT}/file/bot${BOT_TOKEN}/${file_path}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const upload = new InputFile(bytes, { filename: document.file_name });
  await ctx.reply(`${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`);
  await ctx.api.sendDocument({ chat_id: ctx.chatId, document: document.file_id, caption: "the same by its id" });
  await ctx.api.sendDocument({ chat_id: ctx.chatId, document: upload, caption: "the same as an upload" });
});

bot.command("keyboard", (ctx) =>
  ctx.reply("Yes or no?", {
    reply_markup: new ReplyKeyboardBuilder().text("Yes").text("No").build({
      resize_keyboard: true, one_time_keyboard: true,
    }),
  }));

bot.hears(["Yes", "No"], (ctx) => ctx.reply(`You chose ${ctx.match}`, { reply_markup: { remove_keyboard: true } }));

bot.command("tell", async (ctx) => {
  const [id, ...words] = ctx.match.split(" ");
  try {
    await ctx.api.sendMessage({ chat_id: id, text: words.join(" ") });
  } catch (error) {
    if (!(error instanceof TelegramApiError)) throw error;
    await ctx.reply(`${error.errorCode} ${error.description}`);
  }
});

const invoice = (payload) => ({
  title: "A hat", description: "A very nice hat", payload: payload || "hat", currency: "XTR",
  prices: [{ label: "Hat", amount: 5 }],
});

bot.command("buy", (ctx) => ctx.api.sendInvoice({ chat_id: ctx.chatId, ...invoice(ctx.match) }));

bot.command("link", async (ctx) => ctx.reply(await ctx.api.createInvoiceLink(invoice(ctx.match))));

bot.on("pre_checkout_query", (ctx) => {
  const { id, invoice_payload } = ctx.update.pre_checkout_query;
  return ctx.api.answerPreCheckoutQuery(
    invoice_payload === "sold-out"
      ? { pre_checkout_query_id: id, ok: false, error_message: "Sold out" }
      : { pre_checkout_query_id: id, ok: true });
});

bot.on("message", (ctx, next) => {
  if (!ctx.message.successful_payment) return next();
  const { total_amount, currency, invoice_payload, telegram_payment_charge_id } = ctx.message.successful_payment;
  return ctx.reply(`paid ${total_amount} ${currency} for ${invoice_payload}: ${telegram_payment_charge_id}`);
});

bot.command("refund", async (ctx) => {
  try {
    await ctx.api.refundStarPayment({ user_id: ctx.from.id, telegram_payment_charge_id: ctx.match });
    await ctx.reply("refunded");
  } catch (error) {
    if (!(error instanceof TelegramApiError)) throw error;
    await ctx.reply(`${error.errorCode} ${error.description}`);
  }
});

bot.on("inline_query", (ctx) =>
  ctx.api.answerInlineQuery({
    inline_query_id: ctx.inlineQuery.id,
    cache_time: 0,
    results: [{
      type: "article", id: "1", title: `Say ${ctx.inlineQuery.query}`,
      input_message_content: { message_text: `inline: ${ctx.inlineQuery.query}` },
    }],
  }));

bot.on("message", (ctx) => ctx.message.text && ctx.reply(`echo: ${ctx.message.text}`));

bot.catch((error, ctx) => console.error("update", ctx.update.update_id, error));

await bot.api.setMyCommands({
  commands: [{ command: "start", description: "Begin" }, { command: "album", description: "Pictures" }],
});
if (WEBHOOK_URL) {
  const path = new URL(WEBHOOK_URL).pathname;
  await bot.api.setWebhook({ url: WEBHOOK_URL, secret_token: WEBHOOK_SECRET });
  await startWebhook(bot, { port: Number(WEBHOOK_PORT), hostname: "127.0.0.1", path, secretToken: WEBHOOK_SECRET });
} else {
  await run(bot);
}

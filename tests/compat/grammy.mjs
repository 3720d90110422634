// The bot of test_bots.py, written with grammY.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import https from "node:https";

import { autoRetry } from "@grammyjs/auto-retry";
import { hydrateFiles } from "@grammyjs/files";
import { Bot, GrammyError, InlineKeyboard, InputFile, InputMediaBuilder, Keyboard, webhookCallback } from "grammy";

const {
  BOT_TOKEN, API_ROOT, PICTURE, WEBHOOK_URL, WEBHOOK_PORT, WEBHOOK_SECRET, WEBHOOK_KEY, WEBHOOK_CERT,
} = process.env;
const ALBUM_PAUSE_MS = 500;

const bot = new Bot(BOT_TOKEN, { client: { apiRoot: API_ROOT } });
bot.api.config.use(autoRetry());
bot.api.config.use(hydrateFiles(bot.token, { apiRoot: API_ROOT }));

const counter = (count) => new InlineKeyboard().text(`+1 (${count})`, `count:${count + 1}`).text("Same", "same");
const prices = [{ label: "Hat", amount: 5 }];

bot.command("start", (ctx) => ctx.reply(`Welcome, ${ctx.from.first_name}: ${ctx.match}`, { reply_markup: counter(0) }));

bot.callbackQuery(/^count:(\d+)$/, async (ctx) => {
  await ctx.answerCallbackQuery(`Counted ${ctx.match[1]}`);
  await ctx.editMessageText(`Pressed ${ctx.match[1]} times`, { reply_markup: counter(Number(ctx.match[1])) });
});

bot.callbackQuery("same", async (ctx) => {
  try {
    await ctx.editMessageText(ctx.msg.text, { reply_markup: ctx.msg.reply_markup });
  } catch (error) {
    if (!(error instanceof GrammyError) || error.error_code !== 400) throw error;
    await ctx.answerCallbackQuery({ text: error.description.slice(0, 200), show_alert: true });
  }
});

const MARKED_UP = "<b>bold</b> &amp; <a href=\"https://example.org/\">link</a>";

bot.command("html", (ctx) => ctx.reply(MARKED_UP, { parse_mode: "HTML" }));

bot.command("album", async (ctx) => {
  const sent = await ctx.replyWithMediaGroup([
    InputMediaBuilder.photo(new InputFile(PICTURE), { caption: "<i>three</i> pictures", parse_mode: "HTML" }),
    InputMediaBuilder.photo(new InputFile(await readFile(PICTURE), "b.png")),
    InputMediaBuilder.photo(new InputFile(() => readFile(PICTURE).then((bytes) => [bytes]), "c.png")),
  ]);
  await ctx.reply(`sent ${sent.length} of ${sent[0].media_group_id}`);
});

const albums = new Map();

bot.on("message").filter((ctx) => ctx.msg.media_group_id !== undefined, (ctx) => {
  const album = albums.get(ctx.msg.media_group_id) ?? { count: 0, caption: "" };
  albums.set(ctx.msg.media_group_id, album);
  album.count++;
  album.caption ||= ctx.msg.caption ?? "";
  clearTimeout(album.timer);
  album.timer = setTimeout(() => {
    albums.delete(ctx.msg.media_group_id);
    ctx.reply(`album of ${album.count}: ${album.caption}`).catch(console.error);
  }, ALBUM_PAUSE_MS);
});

bot.on("edited_message:text", (ctx) =>
  ctx.reply(`now it says: ${ctx.msg.text}`, { reply_parameters: { message_id: ctx.msg.message_id } }));

bot.on("message:document", async (ctx) => {
  const file = await ctx.getFile();
  const answer = await fetch(file.getUrl());
  const bytes = Buffer.from(await answer.arrayBuffer());
  await ctx.reply(`${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`);
  await ctx.replyWithDocument(ctx.msg.document.file_id, { caption: "the same by its id" });
  await ctx.replyWithDocument(new InputFile(bytes, ctx.msg.document.file_name), { caption: "the same as an upload" });
});

bot.command("keyboard", (ctx) =>
  ctx.reply("Yes or no?", { reply_markup: new Keyboard().text("Yes").text("No").resized().oneTime() }));

bot.hears(["Yes", "No"], (ctx) => ctx.reply(`You chose ${ctx.match}`, { reply_markup: { remove_keyboard: true } }));

bot.command("tell", async (ctx) => {
  const [id, ...words] = ctx.match.split(" ");
  try {
    await ctx.api.sendMessage(id, words.join(" "));
  } catch (error) {
    if (!(error instanceof GrammyError)) throw error;
    await ctx.reply(`${error.error_code} ${error.description}`);
  }
});

bot.command("buy", (ctx) =>
  ctx.replyWithInvoice("A hat", "A very nice hat", ctx.match || "hat", "XTR", prices));

bot.command("link", async (ctx) =>
  ctx.reply(await ctx.api.createInvoiceLink("A hat", "A very nice hat", ctx.match || "hat", "", "XTR", prices)));

bot.on("pre_checkout_query", (ctx) =>
  ctx.preCheckoutQuery.invoice_payload === "sold-out"
    ? ctx.answerPreCheckoutQuery(false, "Sold out")
    : ctx.answerPreCheckoutQuery(true));

bot.on("message:successful_payment", (ctx) => {
  const { total_amount, currency, invoice_payload, telegram_payment_charge_id } = ctx.msg.successful_payment;
  return ctx.reply(`paid ${total_amount} ${currency} for ${invoice_payload}: ${telegram_payment_charge_id}`);
});

bot.command("refund", async (ctx) => {
  try {
    await ctx.api.refundStarPayment(ctx.from.id, ctx.match);
    await ctx.reply("refunded");
  } catch (error) {
    if (!(error instanceof GrammyError)) throw error;
    await ctx.reply(`${error.error_code} ${error.description}`);
  }
});

bot.on("inline_query", (ctx) =>
  ctx.answerInlineQuery([{
    type: "article", id: "1", title: `Say ${ctx.inlineQuery.query}`,
    input_message_content: { message_text: `inline: ${ctx.inlineQuery.query}` },
  }], { cache_time: 0 }));

bot.on("message:text", (ctx) => ctx.reply(`echo: ${ctx.msg.text}`));

bot.catch(({ error, ctx }) => console.error("update", ctx.update.update_id, error));

await bot.api.setMyCommands([
  { command: "start", description: "Begin" }, { command: "album", description: "Pictures" },
]);
if (WEBHOOK_URL) {
  const options = { secretToken: WEBHOOK_SECRET };
  const server = WEBHOOK_CERT
    ? https.createServer({ key: await readFile(WEBHOOK_KEY), cert: await readFile(WEBHOOK_CERT) },
      webhookCallback(bot, "https", options))
    : createServer(webhookCallback(bot, "http", options));
  server.listen(Number(WEBHOOK_PORT), "127.0.0.1");
  await bot.api.setWebhook(WEBHOOK_URL, {
    secret_token: WEBHOOK_SECRET,
    certificate: WEBHOOK_CERT ? new InputFile(WEBHOOK_CERT) : undefined,
  });
  process.once("SIGTERM", () => server.close(() => process.exit(0)));
} else {
  process.once("SIGTERM", () => bot.stop());
  await bot.start();
}

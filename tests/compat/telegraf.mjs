// The bot of test_bots.py, written with telegraf.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

import { Input, Markup, Telegraf, TelegramError } from "telegraf";
import { editedMessage, message } from "telegraf/filters";

const {
  BOT_TOKEN, API_ROOT, PICTURE, WEBHOOK_URL, WEBHOOK_PORT, WEBHOOK_SECRET, WEBHOOK_KEY, WEBHOOK_CERT,
} = process.env;
const ALBUM_PAUSE_MS = 500;

const bot = new Telegraf(BOT_TOKEN, { telegram: { apiRoot: API_ROOT } });

const counter = (count) =>
  Markup.inlineKeyboard([
    Markup.button.callback(`+1 (${count})`, `count:${count + 1}`),
    Markup.button.callback("Same", "same"),
  ]);

/* Waits as long as Telegram asks for, and calls again. */
async function patiently(call) {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof TelegramError) || error.code !== 429) throw error;
    await new Promise((resolve) => setTimeout(resolve, error.parameters.retry_after * 1000));
    return patiently(call);
  }
}

bot.start((ctx) => ctx.reply(`Welcome, ${ctx.from.first_name}: ${ctx.payload}`, counter(0)));

bot.action(/^count:(\d+)$/, async (ctx) => {
  await ctx.answerCbQuery(`Counted ${ctx.match[1]}`);
  await ctx.editMessageText(`Pressed ${ctx.match[1]} times`, counter(Number(ctx.match[1])));
});

bot.action("same", async (ctx) => {
  const { text, reply_markup } = ctx.callbackQuery.message;
  try {
    await ctx.editMessageText(text, { reply_markup });
  } catch (error) {
    if (!(error instanceof TelegramError) || error.code !== 400) throw error;
    await ctx.answerCbQuery(error.description.slice(0, 200), { show_alert: true });
  }
});

bot.command("html", (ctx) => ctx.replyWithHTML("<b>bold</b> &amp; <a href=\"https://example.org/\">link</a>"));

bot.command("album", async (ctx) => {
  const sent = await ctx.replyWithMediaGroup([
    { type: "photo", media: Input.fromLocalFile(PICTURE), caption: "<i>three</i> pictures", parse_mode: "HTML" },
    { type: "photo", media: Input.fromBuffer(await readFile(PICTURE), "b.png") },
    { type: "photo", media: Input.fromReadableStream(createReadStream(PICTURE), "c.png") },
  ]);
  await ctx.reply(`sent ${sent.length} of ${sent[0].media_group_id}`);
});

const albums = new Map();

bot.on(message("media_group_id"), (ctx) => {
  const album = albums.get(ctx.message.media_group_id) ?? { count: 0, caption: "" };
  albums.set(ctx.message.media_group_id, album);
  album.count++;
  album.caption ||= ctx.message.caption ?? "";
  clearTimeout(album.timer);
  album.timer = setTimeout(() => {
    albums.delete(ctx.message.media_group_id);
    ctx.reply(`album of ${album.count}: ${album.caption}`).catch(console.error);
  }, ALBUM_PAUSE_MS);
});

bot.on(editedMessage("text"), (ctx) =>
  ctx.reply(`now it says: ${ctx.editedMessage.text}`, {
    reply_parameters: { message_id: ctx.editedMessage.message_id },
  }));

bot.on(message("document"), async (ctx) => {
  const { file_id, file_name } = ctx.message.document;
  const answer = await fetch(await ctx.telegram.getFileLink(file_id));
  const bytes = Buffer.from(await answer.arrayBuffer());
  await ctx.reply(`${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`);
  await ctx.replyWithDocument(Input.fromFileId(file_id), { caption: "the same by its id" });
  await ctx.replyWithDocument(Input.fromBuffer(bytes, file_name), { caption: "the same as an upload" });
});

bot.command("keyboard", (ctx) => ctx.reply("Yes or no?", Markup.keyboard([["Yes", "No"]]).resize().oneTime()));

bot.hears(["Yes", "No"], (ctx) => ctx.reply(`You chose ${ctx.match[0]}`, Markup.removeKeyboard()));

bot.command("tell", async (ctx) => {
  const [id, ...words] = ctx.args;
  try {
    await patiently(() => ctx.telegram.sendMessage(id, words.join(" ")));
  } catch (error) {
    if (!(error instanceof TelegramError)) throw error;
    await ctx.reply(`${error.code} ${error.description}`);
  }
});

const invoice = (payload) => ({
  title: "A hat", description: "A very nice hat", payload: payload || "hat", provider_token: "", currency: "XTR",
  prices: [{ label: "Hat", amount: 5 }],
});

bot.command("buy", (ctx) => ctx.replyWithInvoice(invoice(ctx.payload)));

bot.command("link", async (ctx) => ctx.reply(await ctx.telegram.createInvoiceLink(invoice(ctx.payload))));

bot.on("pre_checkout_query", (ctx) =>
  ctx.preCheckoutQuery.invoice_payload === "sold-out"
    ? ctx.answerPreCheckoutQuery(false, "Sold out")
    : ctx.answerPreCheckoutQuery(true));

bot.on(message("successful_payment"), (ctx) => {
  const { total_amount, currency, invoice_payload, telegram_payment_charge_id } = ctx.message.successful_payment;
  return ctx.reply(`paid ${total_amount} ${currency} for ${invoice_payload}: ${telegram_payment_charge_id}`);
});

bot.command("refund", async (ctx) => {
  try {
    await ctx.telegram.callApi("refundStarPayment", {
      user_id: ctx.from.id, telegram_payment_charge_id: ctx.payload,
    });
    await ctx.reply("refunded");
  } catch (error) {
    if (!(error instanceof TelegramError)) throw error;
    await ctx.reply(`${error.code} ${error.description}`);
  }
});

bot.on("inline_query", (ctx) =>
  ctx.answerInlineQuery([{
    type: "article", id: "1", title: `Say ${ctx.inlineQuery.query}`,
    input_message_content: { message_text: `inline: ${ctx.inlineQuery.query}` },
  }], { cache_time: 0 }));

bot.on(message("text"), (ctx) => ctx.reply(`echo: ${ctx.message.text}`));

bot.catch((error, ctx) => console.error("update", ctx.update.update_id, error));

await bot.telegram.setMyCommands([
  { command: "start", description: "Begin" }, { command: "album", description: "Pictures" },
]);
if (WEBHOOK_CERT) {
  process.once("SIGTERM", () => bot.stop("SIGTERM"));
  await bot.launch({
    webhook: {
      domain: new URL(WEBHOOK_URL).host,
      path: new URL(WEBHOOK_URL).pathname,
      host: "127.0.0.1",
      port: Number(WEBHOOK_PORT),
      secretToken: WEBHOOK_SECRET,
      certificate: { source: WEBHOOK_CERT },
      tlsOptions: { key: await readFile(WEBHOOK_KEY), cert: await readFile(WEBHOOK_CERT) },
    },
  });
} else if (WEBHOOK_URL) {
  const path = new URL(WEBHOOK_URL).pathname;
  const server = createServer(bot.webhookCallback(path, { secretToken: WEBHOOK_SECRET }));
  server.listen(Number(WEBHOOK_PORT), "127.0.0.1");
  await bot.telegram.setWebhook(WEBHOOK_URL, { secret_token: WEBHOOK_SECRET });
  process.once("SIGTERM", () => server.close(() => process.exit(0)));
} else {
  process.once("SIGTERM", () => bot.stop("SIGTERM"));
  await bot.launch();
}

"""The bot of test_bots.py, written with python-telegram-bot."""
import asyncio
import hashlib
import os
import urllib.parse

from telegram import (InlineKeyboardButton, InlineKeyboardMarkup, InlineQueryResultArticle, InputMediaPhoto,
                      InputTextMessageContent, KeyboardButton, LabeledPrice, ReplyKeyboardMarkup, ReplyKeyboardRemove,
                      ReplyParameters, Update)
from telegram.error import BadRequest, Forbidden, RetryAfter
from telegram.ext import (Application, CallbackQueryHandler, CommandHandler, InlineQueryHandler, MessageHandler,
                          PreCheckoutQueryHandler, filters)

API_ROOT, PICTURE, WEBHOOK_URL = os.environ["API_ROOT"], os.environ["PICTURE"], os.environ.get("WEBHOOK_URL")
ALBUM_PAUSE_S = 0.5

albums = {}


def counter(count):
    return InlineKeyboardMarkup([[InlineKeyboardButton(f"+1 ({count})", callback_data=f"count:{count + 1}"),
                                  InlineKeyboardButton("Same", callback_data="same")]])


def refusal(error):
    """Status and description, of which the library takes away "Bad Request: "."""
    return f"400 Bad Request: {error.message}" if isinstance(error, BadRequest) else f"403 {error.message}"


async def patiently(call):
    """Waits as long as Telegram asks for, and calls again."""
    while True:
        try:
            return await call()
        except RetryAfter as error:
            await asyncio.sleep(error.retry_after)


async def start(update, context):
    await update.message.reply_text(f"Welcome, {update.effective_user.first_name}: {' '.join(context.args)}",
                                    reply_markup=counter(0))


async def count_press(update, _):
    query = update.callback_query
    count = int(query.data.split(":")[1])
    await query.answer(f"Counted {count}")
    await query.edit_message_text(f"Pressed {count} times", reply_markup=counter(count))


async def edit_nothing(update, _):
    query = update.callback_query
    try:
        await query.edit_message_text(query.message.text, reply_markup=query.message.reply_markup)
    except BadRequest as error:
        await query.answer(error.message[:200], show_alert=True)


async def html(update, _):
    await update.message.reply_html('<b>bold</b> &amp; <a href="https://example.org/">link</a>')


async def album(update, _):
    with open(PICTURE, "rb") as file:
        content = file.read()
    with open(PICTURE, "rb") as file:
        sent = await update.message.reply_media_group([
            InputMediaPhoto(file, caption="<i>three</i> pictures", parse_mode="HTML"),
            InputMediaPhoto(content, filename="b.png"),
            InputMediaPhoto(content, filename="c.png"),
        ])
    await update.message.reply_text(f"sent {len(sent)} of {sent[0].media_group_id}")


async def collect(update, context):
    async def report():
        await asyncio.sleep(ALBUM_PAUSE_S)
        items = albums.pop(update.message.media_group_id)
        caption = next(item.caption for item in items if item.caption)
        await update.message.reply_text(f"album of {len(items)}: {caption}")

    items = albums.setdefault(update.message.media_group_id, [])
    items.append(update.message)
    if len(items) == 1:
        context.application.create_task(report())


async def edited(update, _):
    message = update.edited_message
    await message.reply_text(f"now it says: {message.text}",
                             reply_parameters=ReplyParameters(message.message_id))


async def document(update, _):
    received = update.message.document
    content = bytes(await (await received.get_file()).download_as_bytearray())
    await update.message.reply_text(f"{len(content)} {hashlib.sha256(content).hexdigest()}")
    await update.message.reply_document(received.file_id, caption="the same by its id")
    await update.message.reply_document(content, filename=received.file_name, caption="the same as an upload")


async def keyboard(update, _):
    keys = [[KeyboardButton("Yes"), KeyboardButton("No")]]
    await update.message.reply_text("Yes or no?", reply_markup=ReplyKeyboardMarkup(
        keys, resize_keyboard=True, one_time_keyboard=True))


async def chosen(update, _):
    await update.message.reply_text(f"You chose {update.message.text}", reply_markup=ReplyKeyboardRemove())


async def tell(update, context):
    chat_id, *words = context.args
    try:
        await patiently(lambda: context.bot.send_message(chat_id, " ".join(words)))
    except (BadRequest, Forbidden) as error:
        await update.message.reply_text(refusal(error))


def invoice(context):
    return {"title": "A hat", "description": "A very nice hat", "payload": " ".join(context.args) or "hat",
            "currency": "XTR", "prices": [LabeledPrice("Hat", 5)]}


async def buy(update, context):
    await update.message.reply_invoice(**invoice(context))


async def link(update, context):
    await update.message.reply_text(await context.bot.create_invoice_link(**invoice(context)))


async def checkout(update, _):
    query = update.pre_checkout_query
    if query.invoice_payload == "sold-out":
        await query.answer(ok=False, error_message="Sold out")
    else:
        await query.answer(ok=True)


async def paid(update, _):
    payment = update.message.successful_payment
    await update.message.reply_text(f"paid {payment.total_amount} {payment.currency} for {payment.invoice_payload}: "
                                    f"{payment.telegram_payment_charge_id}")


async def refund(update, context):
    try:
        await context.bot.refund_star_payment(update.effective_user.id, context.args[0])
        await update.message.reply_text("refunded")
    except BadRequest as error:
        await update.message.reply_text(refusal(error))


async def inline(update, _):
    query = update.inline_query
    result = InlineQueryResultArticle("1", f"Say {query.query}", InputTextMessageContent(f"inline: {query.query}"))
    await query.answer([result], cache_time=0)


async def echo(update, _):
    await update.message.reply_text(f"echo: {update.message.text}")


async def prepare(application):
    await application.bot.set_my_commands([("start", "Begin"), ("album", "Pictures")])


class InAlbum(filters.MessageFilter):
    def filter(self, message):
        return message.media_group_id is not None


def main():
    application = (Application.builder().token(os.environ["BOT_TOKEN"]).base_url(f"{API_ROOT}/bot")
                   .base_file_url(f"{API_ROOT}/file/bot").post_init(prepare).build())
    new = filters.UpdateType.MESSAGE
    for name, run in (("start", start), ("html", html), ("album", album), ("keyboard", keyboard), ("tell", tell),
                      ("buy", buy), ("link", link), ("refund", refund)):
        application.add_handler(CommandHandler(name, run, filters=new))
    for wanted, run in ((InAlbum(), collect), (filters.UpdateType.EDITED_MESSAGE & filters.TEXT, edited),
                        (filters.Document.ALL, document), (filters.Text(["Yes", "No"]), chosen),
                        (filters.SUCCESSFUL_PAYMENT, paid), (new & filters.TEXT, echo)):
        application.add_handler(MessageHandler(wanted, run))
    application.add_handler(CallbackQueryHandler(count_press, r"^count:\d+$"))
    application.add_handler(CallbackQueryHandler(edit_nothing, "^same$"))
    application.add_handler(PreCheckoutQueryHandler(checkout))
    application.add_handler(InlineQueryHandler(inline))
    if WEBHOOK_URL:
        application.run_webhook("127.0.0.1", int(os.environ["WEBHOOK_PORT"]), webhook_url=WEBHOOK_URL,
                                url_path=urllib.parse.urlsplit(WEBHOOK_URL).path,
                                secret_token=os.environ["WEBHOOK_SECRET"],
                                key=os.environ.get("WEBHOOK_KEY"), cert=os.environ.get("WEBHOOK_CERT"))
    else:
        application.run_polling(allowed_updates=Update.ALL_TYPES)


main()

"""The bot of test_bots.py, written with aiogram."""
import asyncio
import hashlib
import os
import re
import ssl
import urllib.parse

from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramAPIError, TelegramBadRequest, TelegramRetryAfter
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import (BotCommand, BufferedInputFile, CallbackQuery, FSInputFile, InlineKeyboardButton,
                           InlineKeyboardMarkup, InlineQuery, InlineQueryResultArticle, InputMediaPhoto,
                           InputTextMessageContent, KeyboardButton, LabeledPrice, Message, PreCheckoutQuery,
                           ReplyKeyboardMarkup, ReplyKeyboardRemove, ReplyParameters)
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web

PICTURE, WEBHOOK_URL = os.environ["PICTURE"], os.environ.get("WEBHOOK_URL")
CERT = os.environ.get("WEBHOOK_CERT")
ALBUM_PAUSE_S = 0.5

session = AiohttpSession(api=TelegramAPIServer.from_base(os.environ["API_ROOT"]))
bot = Bot(os.environ["BOT_TOKEN"], session=session)
dispatcher = Dispatcher()
albums = {}


def counter(count):
    return InlineKeyboardMarkup(inline_keyboard=[[
        InlineKeyboardButton(text=f"+1 ({count})", callback_data=f"count:{count + 1}"),
        InlineKeyboardButton(text="Same", callback_data="same"),
    ]])


def refusal(error):
    """Status and description, as Telegram has said them."""
    codes = {"TelegramForbiddenError": 403, "TelegramBadRequest": 400}
    return f"{codes[type(error).__name__]} {error.message}"


async def patiently(call):
    """Waits as long as Telegram asks for, and calls again."""
    while True:
        try:
            return await call()
        except TelegramRetryAfter as error:
            await asyncio.sleep(error.retry_after)


@dispatcher.message(CommandStart())
async def start(message: Message, command: CommandObject):
    await message.answer(f"Welcome, {message.from_user.first_name}: {command.args or ''}", reply_markup=counter(0))


@dispatcher.callback_query(F.data.regexp(r"^count:(\d+)$"))
async def count_press(query: CallbackQuery):
    count = int(query.data.split(":")[1])
    await query.answer(f"Counted {count}")
    await query.message.edit_text(f"Pressed {count} times", reply_markup=counter(count))


@dispatcher.callback_query(F.data == "same")
async def edit_nothing(query: CallbackQuery):
    try:
        await query.message.edit_text(query.message.text, reply_markup=query.message.reply_markup)
    except TelegramBadRequest as error:
        await query.answer(error.message[:200], show_alert=True)


@dispatcher.message(Command("html"))
async def html(message: Message):
    await message.answer('<b>bold</b> &amp; <a href="https://example.org/">link</a>', parse_mode="HTML")


@dispatcher.message(Command("album"))
async def album(message: Message):
    with open(PICTURE, "rb") as file:
        content = file.read()
    sent = await message.answer_media_group([
        InputMediaPhoto(media=FSInputFile(PICTURE), caption="<i>three</i> pictures", parse_mode="HTML"),
        InputMediaPhoto(media=BufferedInputFile(content, "b.png")),
        InputMediaPhoto(media=BufferedInputFile(content, "c.png")),
    ])
    await message.answer(f"sent {len(sent)} of {sent[0].media_group_id}")


@dispatcher.message(F.media_group_id)
async def collect(message: Message):
    items = albums.setdefault(message.media_group_id, [])
    items.append(message)
    await asyncio.sleep(ALBUM_PAUSE_S)
    if items[-1] is message:
        del albums[message.media_group_id]
        await message.answer(f"album of {len(items)}: {next(item.caption for item in items if item.caption)}")


@dispatcher.edited_message(F.text)
async def edited(message: Message):
    await message.answer(f"now it says: {message.text}",
                         reply_parameters=ReplyParameters(message_id=message.message_id))


@dispatcher.message(F.document)
async def document(message: Message):
    content = (await bot.download(message.document)).read()
    await message.answer(f"{len(content)} {hashlib.sha256(content).hexdigest()}")
    await message.answer_document(message.document.file_id, caption="the same by its id")
    await message.answer_document(BufferedInputFile(content, message.document.file_name),
                                  caption="the same as an upload")


@dispatcher.message(Command("keyboard"))
async def keyboard(message: Message):
    keys = [[KeyboardButton(text="Yes"), KeyboardButton(text="No")]]
    await message.answer("Yes or no?", reply_markup=ReplyKeyboardMarkup(
        keyboard=keys, resize_keyboard=True, one_time_keyboard=True))


@dispatcher.message(F.text.in_({"Yes", "No"}))
async def chosen(message: Message):
    await message.answer(f"You chose {message.text}", reply_markup=ReplyKeyboardRemove())


@dispatcher.message(Command("tell"))
async def tell(message: Message, command: CommandObject):
    chat_id, text = command.args.split(" ", 1)
    try:
        await patiently(lambda: bot.send_message(chat_id, text))
    except TelegramAPIError as error:
        await message.answer(refusal(error))


def invoice(payload):
    return {"title": "A hat", "description": "A very nice hat", "payload": payload or "hat", "currency": "XTR",
            "prices": [LabeledPrice(label="Hat", amount=5)]}


@dispatcher.message(Command("buy"))
async def buy(message: Message, command: CommandObject):
    await message.answer_invoice(**invoice(command.args))


@dispatcher.message(Command("link"))
async def link(message: Message, command: CommandObject):
    await message.answer(await bot.create_invoice_link(**invoice(command.args)))


@dispatcher.pre_checkout_query()
async def checkout(query: PreCheckoutQuery):
    if query.invoice_payload == "sold-out":
        await query.answer(ok=False, error_message="Sold out")
    else:
        await query.answer(ok=True)


@dispatcher.message(F.successful_payment)
async def paid(message: Message):
    payment = message.successful_payment
    await message.answer(f"paid {payment.total_amount} {payment.currency} for {payment.invoice_payload}: "
                         f"{payment.telegram_payment_charge_id}")


@dispatcher.message(Command("refund"))
async def refund(message: Message, command: CommandObject):
    try:
        await bot.refund_star_payment(message.from_user.id, command.args)
        await message.answer("refunded")
    except TelegramAPIError as error:
        await message.answer(refusal(error))


@dispatcher.inline_query()
async def inline(query: InlineQuery):
    content = InputTextMessageContent(message_text=f"inline: {query.query}")
    result = InlineQueryResultArticle(id="1", title=f"Say {query.query}", input_message_content=content)
    await query.answer([result], cache_time=0)


@dispatcher.message(F.text.regexp(re.compile("^[^/]")))
async def echo(message: Message):
    await message.answer(f"echo: {message.text}")


@dispatcher.startup()
async def prepare():
    await bot.set_my_commands([BotCommand(command="start", description="Begin"),
                               BotCommand(command="album", description="Pictures")])
    if WEBHOOK_URL:
        await bot.set_webhook(WEBHOOK_URL, secret_token=os.environ["WEBHOOK_SECRET"],
                              certificate=FSInputFile(CERT) if CERT else None)


def serve():
    app = web.Application()
    handler = SimpleRequestHandler(dispatcher=dispatcher, bot=bot, secret_token=os.environ["WEBHOOK_SECRET"])
    handler.register(app, path=urllib.parse.urlsplit(WEBHOOK_URL).path)
    setup_application(app, dispatcher, bot=bot)
    context = None
    if CERT:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERT, os.environ["WEBHOOK_KEY"])
    web.run_app(app, host="127.0.0.1", port=int(os.environ["WEBHOOK_PORT"]), ssl_context=context, print=None)


if WEBHOOK_URL:
    serve()
else:
    dispatcher.run_polling(bot)

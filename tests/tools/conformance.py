"""Whether what the sandbox says is what the Bot API describes: fields, types, and what the descriptions say in words.

    problems = conformance.check(value, ["Message"], "sendMessage")     # a list of texts, empty when all is well
    problems = conformance.of_requests(stack.requests())                # everything that was answered

Reads sdk/spec/bot-api.json by itself, so that it cannot share a mistake with the sandbox, which reads it in C.
"""
import json
import os

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
with open(os.path.join(ROOT, "sdk/spec/bot-api.json"), encoding="utf-8") as spec_file:
    SPEC = json.load(spec_file)

SCALARS = {"Integer": int, "String": str, "Boolean": bool, "Float": (int, float)}
LARGEST_ID = 1 << 52
SUPERGROUPS_BELOW = -1000000000000

# The fields of a message that say what it is; each message has one, and some have a companion.
FRAME = set("""message_id message_thread_id direct_messages_topic from sender_chat sender_boost_count
    sender_business_bot sender_tag receiver_user ephemeral_message_id date guest_query_id business_connection_id chat
    forward_origin is_topic_message is_automatic_forward reply_to_message external_reply quote reply_to_story
    reply_to_checklist_task_id reply_to_poll_option_id via_bot guest_bot_caller_user guest_bot_caller_chat edit_date
    has_protected_content is_from_offline is_paid_post media_group_id author_signature paid_star_count entities
    link_preview_options suggested_post_info effect_id caption caption_entities show_caption_above_media
    has_media_spoiler reply_markup""".split())
COMPANIONS = {"animation": {"document"}, "venue": {"location"}, "live_photo": {"photo"}}
CAPTIONED = set("animation audio document live_photo paid_media photo video voice".split())
GROUPED = set("audio document live_photo photo video".split())


def utf16(text):
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# ---- what the descriptions say in words: a function for each type, giving texts

def chat(value):
    kind = value["type"]
    if kind == "private" and ("title" in value or value["id"] <= 0 or "first_name" not in value):
        yield "a private chat has a first_name, no title, and the positive id of its user"
    if kind != "private" and ("title" not in value or "first_name" in value or value["id"] >= 0):
        yield f"a {kind} has a title, no first_name, and a negative id"
    if kind in ("supergroup", "channel") and value["id"] > SUPERGROUPS_BELOW:
        yield f"the id of a {kind} lies below {SUPERGROUPS_BELOW}"
    if kind == "group" and value["id"] <= SUPERGROUPS_BELOW:
        yield f"the id of a group lies above {SUPERGROUPS_BELOW}"
    if "is_forum" in value and kind not in ("supergroup", "private"):
        yield f"a {kind} is no forum"
    yield from username(value)


def username(value):
    if not value.get("username", "x").replace("_", "").isalnum():
        yield f"{value['username']!r} is no username"


def user(value):
    if not 0 < value["id"] < LARGEST_ID:
        yield f"{value['id']} is no user's id"
    if not value["first_name"] and not value["is_bot"]:
        yield "first_name is empty"
    yield from username(value)


def entities(text, marks, name):
    last = (0, -utf16(text))
    for mark in marks:
        start, end = mark["offset"], mark["offset"] + mark["length"]
        if mark["length"] < 1 or start < 0 or end > utf16(text):
            yield f"{name}: {mark['type']} {start}…{end} is not within the text"
        if (start, -end) < last:
            yield f"{name} are not in order"
        last = (start, -end)


def entity(value):
    needs = {"text_link": "url", "text_mention": "user", "custom_emoji": "custom_emoji_id", "date_time": "unix_time"}
    wanted = needs.get(value["type"])
    if wanted and wanted not in value:
        yield f"a {value['type']} has {wanted}"
    for kind, field in needs.items():
        if field in value and value["type"] != kind:
            yield f"only a {kind} has {field}"


def message(value):
    contents = set(value) - FRAME
    main = {name for name in contents if not any(name in COMPANIONS.get(other, ()) for other in contents)}
    if len(main) != 1:
        yield f"a message has one content, not {sorted(main)}"
    if value["message_id"] < 1 and "ephemeral_message_id" not in value:
        yield "message_id is not positive"
    if value["chat"]["type"] != "channel" and "from" not in value:
        yield "from is missing outside of a channel"
    if "reply_to_message" in value.get("reply_to_message", {}):
        yield "a reply_to_message has no further reply_to_message"
    if value.get("edit_date", value["date"]) < value["date"]:
        yield "edit_date lies before date"
    if value.get("is_topic_message") and "message_thread_id" not in value:
        yield "a topic's message has a message_thread_id"
    if {"caption", "caption_entities"} & set(value) and not CAPTIONED & contents:
        yield "a caption needs media"
    if "media_group_id" in value and not GROUPED & contents:
        yield "media_group_id needs media"
    if value.get("text", "x") == "" or value.get("caption", "x") == "":
        yield "a text or caption is empty"
    if "inline_keyboard" not in value.get("reply_markup", {"inline_keyboard": []}):
        yield "a message shows no other keyboard than an inline one"
    yield from entities(value.get("text", ""), value.get("entities", []), "entities")
    yield from entities(value.get("caption", ""), value.get("caption_entities", []), "caption_entities")
    yield from sizes(value.get("photo", []))


def sizes(photo):
    areas = [size["width"] * size["height"] for size in photo]
    if areas != sorted(areas) or len(photo) != len({size["file_id"] for size in photo}):
        yield "the sizes of a photo are different files, from small to large"


def inline_button(value):
    actions = set(value) - {"text", "style", "icon_custom_emoji_id"}
    if len(actions) != 1:
        yield f"an inline button does one thing, not {sorted(actions)}"
    if not value["text"]:
        yield "an inline button has a text"


def update(value):
    if len(value) != 2:
        yield f"an update has one member besides update_id, not {sorted(value)}"
    if not 0 < value["update_id"] < 1 << 31:
        yield "update_id is no positive 32-bit number"
    for name in ("edited_message", "edited_channel_post", "edited_business_message"):
        if name in value and "edit_date" not in value[name]:
            yield f"{name} has edit_date"
    for name in ("business_message", "edited_business_message"):
        if name in value and "business_connection_id" not in value[name]:
            yield f"{name} has business_connection_id"
    for name in ("message", "edited_message", "channel_post", "edited_channel_post"):
        if name in value and (value[name]["chat"]["type"] == "channel") != ("channel" in name):
            yield f"{name} is of a {value[name]['chat']['type']}"


def callback_query(value):
    if ("message" in value) == ("inline_message_id" in value):
        yield "a callback_query has either message or inline_message_id"
    if ("data" in value) == ("game_short_name" in value):
        yield "a callback_query has either data or game_short_name"
    if not value["chat_instance"].lstrip("-").isdigit():
        yield "chat_instance is a number in a text"


def member_change(value):
    if value["old_chat_member"] == value["new_chat_member"]:
        yield "nothing has changed"
    if value["old_chat_member"]["user"]["id"] != value["new_chat_member"]["user"]["id"]:
        yield "the old and the new member are one user"


def poll(value):
    if value["total_voter_count"] > sum(option["voter_count"] for option in value["options"]):
        yield "there are more voters than votes"
    if value["type"] == "regular" and ("explanation" in value or "correct_option_ids" in value):
        yield "only a quiz has a right answer"
    yield from entities(value["question"], value.get("question_entities", []), "question_entities")


def money(value):
    if len(value["currency"]) != 3 or not value["currency"].isupper() or value["total_amount"] < 0:
        yield "currency has three letters, and total_amount is not negative"


WORDS = {
    "CallbackQuery": callback_query, "Chat": chat, "ChatFullInfo": chat, "ChatMemberUpdated": member_change,
    "InlineKeyboardButton": inline_button, "Invoice": money, "Message": message, "MessageEntity": entity, "Poll": poll,
    "PreCheckoutQuery": money, "RefundedPayment": money, "SuccessfulPayment": money, "Update": update, "User": user,
}


# ---- fields and types

def literals_differ(described, value):
    """Whether a field that tells alternatives apart says that it is not this one."""
    for field in described.get("fields", []):
        if field["name"] in value and "enum" in field and value[field["name"]] not in field["enum"]:
            return True
    return False


def alternatives(value, types):
    """The types it may be: of objects with a distinguishing field only those that it fits."""
    found = [inner for kind in types for inner in SPEC["types"].get(kind, {}).get("subtypes", [kind])]
    if isinstance(value, dict) and len(found) > 1:
        objects = [kind for kind in found if kind in SPEC["types"]]
        if "InaccessibleMessage" in objects and "Message" in objects:
            return ["InaccessibleMessage" if value.get("date") == 0 else "Message"]
        return [kind for kind in objects if not literals_differ(SPEC["types"][kind], value)] or objects or found
    return found


def check(value, types, path):
    """What is wrong with a value that should be of one of these types."""
    best = None
    for kind in alternatives(value, types):
        found = list(check_type(value, kind, path))
        if not found:
            return []
        if best is None or len(found) < len(best):
            best = found
    return best


def check_type(value, kind, path):
    if kind.startswith("Array of "):
        if not isinstance(value, list):
            yield f"{path} is no list: {value!r}"
            return
        for number, item in enumerate(value):
            yield from check(item, [kind.removeprefix("Array of ")], f"{path}[{number}]")
    elif kind in SCALARS:
        if not isinstance(value, SCALARS[kind]) or isinstance(value, bool) != (kind == "Boolean"):
            yield f"{path} is no {kind}: {value!r}"
    elif not isinstance(value, dict):
        yield f"{path} is no {kind}: {value!r}"
    else:
        yield from check_object(value, kind, path)


def check_object(value, kind, path):
    fields = {field["name"]: field for field in SPEC["types"][kind].get("fields", [])}
    wrong = [f"{path}.{name} is unknown to {kind}" for name in value if name not in fields]
    for name, field in fields.items():
        if name not in value:
            if field["required"]:
                wrong.append(f"{path}.{name} is missing in {kind}")
            continue
        wrong += check(value[name], field["types"], f"{path}.{name}")
        if value[name] not in field.get("enum", [value[name]]) or value[name] != field.get("const", value[name]):
            wrong.append(f"{path}.{name} is none of what {kind} allows: {value[name]!r}")
    yield from wrong
    if not wrong and kind in WORDS:
        yield from (f"{path}: {text}" for text in WORDS[kind](value))


# ---- answers

def of_answer(method, status, answer):
    """What is wrong with the body of an answer to this method."""
    if not isinstance(answer, dict) or not isinstance(answer.get("ok"), bool):
        return [f"{method}: no envelope: {answer!r}"]
    if not answer["ok"]:
        wrong = [f"{method}: {name} does not belong to an error" for name in
                 set(answer) - {"ok", "error_code", "description", "parameters"}]
        if answer.get("error_code") != status:
            wrong.append(f"{method}: status {status}, error_code {answer.get('error_code')!r}")
        if not isinstance(answer.get("description"), str):
            wrong.append(f"{method}: an error has a description")
        return wrong + check(answer.get("parameters", {}), ["ResponseParameters"], f"{method}.parameters")
    wrong = [f"{method}: {name} does not belong to an answer" for name in set(answer) - {"ok", "result", "description"}]
    if status != 200 or "result" not in answer:
        return wrong + [f"{method}: status {status}, {answer!r}"]
    return wrong + check(answer["result"], SPEC["methods"][method]["returns"], method)


def of_requests(requests):
    """What is wrong with the answers that GET /sandbox/requests tells of; of each problem one. Those that were ordered
    as faults may say anything; what getUpdates gives is in GET /sandbox/updates, too."""
    found = {}
    for request in requests:
        is_known = request["method"] in SPEC["methods"] and request["method"] != "getUpdates"
        if is_known and isinstance(request["response"], dict) and not request.get("fault"):
            for text in of_answer(request["method"], request["status"], request["response"]):
                found.setdefault(text, request)
    return [f"{text} (request {request['n']})" for text, request in found.items()]


def of_updates(updates):
    """What is wrong with updates as the bot gets them."""
    return [text for value in updates for text in check(value, ["Update"], "update")]

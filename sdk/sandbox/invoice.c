/*
 * The checks come in Telegram's order: what the Bot API server reads, what the library below it
 * counts, what the payment servers accept. Names in capitals are those servers' own words.
 */
#include "sdk/sandbox/invoice.h"

#include <inttypes.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/spec.h"
#include "sdk/sandbox/world.h"

enum {
    LONGEST_TITLE = 32,
    LONGEST_DESCRIPTION = 255,
    LONGEST_PAYLOAD = 128,
    LONGEST_START_PARAMETER = 64,
    MOST_TIPS = 4,
    LEAST_USD = 100,
    MOST_USD = 1000000,
    SUBSCRIPTION_SECONDS = 2592000,
    MOST_SUBSCRIPTION_STARS = 10000,
};

#define LARGEST_AMOUNT INT64_C(999999999999)

/* ---- checks ---- */

static int check_labels(struct call *call, const cJSON *prices)
{
    const cJSON *price;

    cJSON_ArrayForEach(price, prices) {
        if (!*json_get_text(price, "label"))
            return call_refuse(call, "can't parse labeled price: LabeledPrice label must be "
                                     "non-empty");
    }
    if (!cJSON_GetArraySize(prices))
        return call_refuse(call, "there must be at least one price");
    return 0;
}

static bool is_amount(int64_t amount)
{
    return amount >= -LARGEST_AMOUNT && amount <= LARGEST_AMOUNT;
}

static int add_up(struct call *call, const cJSON *prices, int64_t *ret_total)
{
    const cJSON *price;
    int64_t total = 0;

    cJSON_ArrayForEach(price, prices) {
        int64_t amount = json_get_int(price, "amount", 0);
        if (!is_amount(amount) || !is_amount(total + amount))
            return call_refuse(call, "too big amount of the currency specified");
        total += amount;
    }
    if (total <= 0)
        return call_refuse(call, "total price must be positive");
    *ret_total = total;
    return 0;
}

static int check_tips(struct call *call, const cJSON *fields)
{
    int64_t most = json_get_int(fields, "max_tip_amount", 0), previous = 0;
    const cJSON *tips = json_get(fields, "suggested_tip_amounts"), *tip;
    bool is_rising = true;

    if (most < 0 || !is_amount(most))
        return call_refuse(call, "invalid max_tip_amount of the currency specified");
    cJSON_ArrayForEach(tip, tips) {
        int64_t amount = 0;
        if (!json_to_int(tip, &amount) || amount <= 0)
            return call_refuse(call, "suggested tip amount must be positive");
        if (amount > most)
            return call_refuse(call, "suggested tip amount can't be bigger than max_tip_amount");
        is_rising = is_rising && amount > previous;
        previous = amount;
    }
    if (cJSON_GetArraySize(tips) > MOST_TIPS)
        return call_refuse(call, "there can be at most 4 suggested tip amounts");
    if (!is_rising)
        return call_refuse(call, "SUGGESTED_TIP_AMOUNTS_INVALID");
    return 0;
}

/* No parts of a price, no tips, no provider; a subscription is for 30 days. */
static int check_stars(struct call *call, const cJSON *fields, int64_t total)
{
    const char *provider = json_get_text(fields, "provider_token");
    int64_t period = json_get_int(fields, "subscription_period", 0);

    if ((provider && *provider) || cJSON_GetArraySize(json_get(fields, "prices")) != 1 ||
        json_get_int(fields, "max_tip_amount", 0) ||
        (period && (period != SUBSCRIPTION_SECONDS || total > MOST_SUBSCRIPTION_STARS)))
        return call_refuse(call, "STARS_INVOICE_INVALID");
    return 0;
}

/* As BotFather gives them: 123456789:TEST:… */
static bool is_provider_token(const char *token)
{
    size_t digits = token ? strspn(token, "0123456789") : 0;

    return digits &&
           (strncmp(token + digits, ":TEST:", 6) == 0 || strncmp(token + digits, ":LIVE:", 6) == 0);
}

static bool is_currency(struct call *call, const char *currency)
{
    const cJSON *fields = spec_fields(call->sandbox->spec, "Invoice"), *field, *known;

    cJSON_ArrayForEach(field, fields) {
        cJSON_ArrayForEach(known, json_get(field, "enum")) {
            if (strcmp(known->valuestring, currency) == 0)
                return true;
        }
    }
    return false;
}

static int check_provider(struct call *call, const cJSON *fields, int64_t total)
{
    const char *currency = json_get_text(fields, "currency");

    if (!is_provider_token(json_get_text(fields, "provider_token")))
        return call_refuse(call, "PAYMENT_PROVIDER_INVALID");
    if (!is_currency(call, currency))
        return call_refuse(call, "CURRENCY_INVALID");
    if (strcmp(currency, "USD") == 0 && (total < LEAST_USD || total > MOST_USD))
        return call_refuse(call, "CURRENCY_TOTAL_AMOUNT_INVALID");
    if (json_get_int(fields, "subscription_period", 0))
        return call_refuse(call, "STARS_INVOICE_INVALID");
    return 0;
}

static bool is_start_parameter(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_-";

    return strlen(text) <= LONGEST_START_PARAMETER && !text[strspn(text, allowed)];
}

static int check_texts(struct call *call, const cJSON *fields)
{
    const char *start = json_get_text(fields, "start_parameter");

    if (utf8_length(json_get_text(fields, "title")) > LONGEST_TITLE)
        return call_refuse(call, "INVOICE_TITLE_INVALID");
    if (utf8_length(json_get_text(fields, "description")) > LONGEST_DESCRIPTION)
        return call_refuse(call, "INVOICE_DESCRIPTION_INVALID");
    if (strlen(json_get_text(fields, "payload")) > LONGEST_PAYLOAD)
        return call_refuse(call, "INVOICE_PAYLOAD_INVALID");
    if (start && !is_start_parameter(start))
        return call_refuse(call, "START_PARAM_INVALID");
    return 0;
}

int invoice_read(struct call *call, const cJSON *fields, cJSON **ret_invoice)
{
    static const char *const kept[] = {
        "title",          "description",
        "payload",        "currency",
        "prices",         "start_parameter",
        "max_tip_amount", "suggested_tip_amounts",
        "photo_url",      "need_name",
        "need_email",     "need_phone_number",
        "is_flexible",    "need_shipping_address",
        "photo_width",    "subscription_period",
        "photo_height",   "business_connection_id",
    };
    const cJSON *prices = json_get(fields, "prices");
    int64_t total = 0;

    int r = check_labels(call, prices);
    if (r == 0)
        r = add_up(call, prices, &total);
    if (r == 0)
        r = check_tips(call, fields);
    if (r == 0)
        r = check_texts(call, fields);
    if (r == 0)
        r = invoice_is_in_stars(fields) ? check_stars(call, fields, total)
                                        : check_provider(call, fields, total);
    if (r < 0)
        return r;
    cJSON *invoice = json_keep(call->arena, cJSON_CreateObject());
    json_set_text(invoice, "slug", world_random_name(call->arena));
    json_set_int(invoice, "total_amount", total);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        json_set_copy(invoice, kept[i], json_get(fields, kept[i]));
    *ret_invoice = invoice;
    return 0;
}

/* ---- what is kept ---- */

bool invoice_is_in_stars(const cJSON *invoice)
{
    return strcmp(json_get_text(invoice, "currency"), STARS) == 0;
}

cJSON *invoice_object(struct arena *arena, const cJSON *invoice)
{
    cJSON *object = json_keep(arena, cJSON_CreateObject());
    const char *start = json_get_text(invoice, "start_parameter");

    json_set_copy(object, "title", json_get(invoice, "title"));
    json_set_copy(object, "description", json_get(invoice, "description"));
    json_set_text(object, "start_parameter", start ? start : "");
    json_set_copy(object, "currency", json_get(invoice, "currency"));
    json_set_copy(object, "total_amount", json_get(invoice, "total_amount"));
    return object;
}

void invoice_save(struct world *world, struct arena *arena, const cJSON *invoice)
{
    world_put_record(world, arena, "invoice", json_get_text(invoice, "slug"), invoice);
}

cJSON *invoice_of_slug(struct world *world, struct arena *arena, const char *slug)
{
    return world_record(world, arena, "invoice", slug);
}

static const char *place_of(struct arena *arena, int64_t chat_id, int64_t message_id)
{
    return arena_printf(arena, "%" PRId64 ":%" PRId64, chat_id, message_id);
}

cJSON *invoice_of_message(struct world *world, struct arena *arena, int64_t chat_id,
                          int64_t message_id)
{
    const cJSON *place =
        world_record(world, arena, "invoice_message", place_of(arena, chat_id, message_id));

    return place ? invoice_of_slug(world, arena, json_get_text(place, "slug")) : NULL;
}

static void show_in(struct world *world, struct arena *arena, const cJSON *message,
                    const cJSON *invoice)
{
    cJSON *place = json_keep(arena, cJSON_CreateObject());

    json_set_copy(place, "slug", json_get(invoice, "slug"));
    world_put_record(world, arena, "invoice_message",
                     place_of(arena, json_get_int(json_get(message, "chat"), "id", 0),
                              json_get_int(message, "message_id", 0)),
                     place);
}

/* "Pay ⭐️5", "Pay 1.45 USD" */
static const char *pay_label(struct arena *arena, const cJSON *invoice)
{
    static const char whole[] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF";
    const char *currency = json_get_text(invoice, "currency");
    int64_t total = json_get_int(invoice, "total_amount", 0);

    if (invoice_is_in_stars(invoice))
        return arena_printf(arena, "Pay ⭐️%" PRId64, total);
    if (strstr(whole, currency))
        return arena_printf(arena, "Pay %" PRId64 " %s", total, currency);
    return arena_printf(arena, "Pay %" PRId64 ".%02" PRId64 " %s", total / 100, total % 100,
                        currency);
}

/* A keyboard of one button. */
static void set_button(cJSON *message, const char *text, const char *url)
{
    cJSON *markup = cJSON_CreateObject(), *button = cJSON_CreateObject();
    cJSON *rows = cJSON_AddArrayToObject(markup, "inline_keyboard"), *row = cJSON_CreateArray();

    json_set_text(button, "text", text);
    if (url)
        json_set_text(button, "url", url);
    else
        json_set_bool(button, "pay", true);
    cJSON_AddItemToArray(row, button);
    cJSON_AddItemToArray(rows, row);
    json_set(message, "reply_markup", markup);
}

void invoice_attach(struct world *world, struct arena *arena, cJSON *message, const cJSON *invoice)
{
    json_set_copy(message, "invoice", invoice_object(arena, invoice));
    if (!json_get(message, "reply_markup"))
        set_button(message, pay_label(arena, invoice), NULL);
    invoice_save(world, arena, invoice);
    show_in(world, arena, message, invoice);
}

void invoice_forward(struct world *world, struct arena *arena, const cJSON *original, cJSON *copy)
{
    const cJSON *invoice =
        invoice_of_message(world, arena, json_get_int(json_get(original, "chat"), "id", 0),
                           json_get_int(original, "message_id", 0));
    const char *start = json_get_text(invoice, "start_parameter");

    if (!invoice)
        return;
    if (start && *start) {
        const char *username = json_get_text(world_bot(world, arena), "username");
        set_button(copy, "Pay", arena_printf(arena, "https://t.me/%s?start=%s", username, start));
        return;
    }
    set_button(copy, pay_label(arena, invoice), NULL);
    show_in(world, arena, copy, invoice);
}

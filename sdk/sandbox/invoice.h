/*
 * Invoices: what the bot wants to be paid for. One is kept under its slug as a record that has what
 * the bot sent ("title", "payload", "prices", …), and besides "slug" and "total_amount". Messages
 * show one, links name one, and a forwarded copy shows that of its original.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct call;
struct world;

#define STARS "XTR"

/* Checks the invoice that fields describe: the parameters of a call, or an
 * InputInvoiceMessageContent. */
AISHA_CHECKED int invoice_read(struct call *call, const cJSON *fields, cJSON **ret_invoice);

bool invoice_is_in_stars(const cJSON *invoice);

/* The Invoice object of the Bot API, which messages carry. */
cJSON *invoice_object(struct arena *arena, const cJSON *invoice);

/* Keeps it. */
void invoice_save(struct world *world, struct arena *arena, const cJSON *invoice);

/* That of a slug, or of a message; NULL when there is none. */
cJSON *invoice_of_slug(struct world *world, struct arena *arena, const char *slug);
cJSON *invoice_of_message(struct world *world, struct arena *arena, int64_t chat_id,
                          int64_t message_id);

/* Puts it into a new message, with its Pay button unless the message has buttons. */
void invoice_attach(struct world *world, struct arena *arena, cJSON *message, const cJSON *invoice);

/*
 * The message copy has been made from original by forwarding it. Its Pay button stays, or becomes a
 * link to the bot when the invoice has a start parameter. Does nothing for other messages.
 */
void invoice_forward(struct world *world, struct arena *arena, const cJSON *original, cJSON *copy);

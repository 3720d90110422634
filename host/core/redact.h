/*
 * Secrets that this process knows, and how they stay out of what it says: every line of the log,
 * every problem with the configuration and what commands print goes through redact().
 *
 * What begins like a secret and was cut is taken for it, too: of long ones their first 12 bytes.
 */
#pragma once

/*
 * From now on it is replaced; copied. As it is, percent-encoded, the part behind its last colon, and
 * each long line of it. One of under 8 bytes is where it is a word by itself, under 4 it is none. From
 * any thread. NULL is fine.
 */
void redact_add(const char *secret);

/* The same for the password in a URL (scheme://user:PASSWORD@host, ?password=…), as it is written and
 * decoded; nothing when there is none. */
void redact_add_url(const char *url);

/* Replaces what is secret by "***", in place. was_cut: the text ended here because it was too long.
 * Returns text; NULL is fine. */
char *redact(char *text);
char *redact_cut(char *text);

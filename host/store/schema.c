/*
 * Migrations of the host. Never edited once released; a change is a further one.
 */
#include "host/store/schema.h"

const struct aisha_migration host_migrations[] = {
    {
        .version = 1,
        .name = "users, dialogues and the inbox",
        .sql = "CREATE TABLE users ("
               "  id TEXT NOT NULL PRIMARY KEY,"
               "  telegram_id BIGINT NOT NULL UNIQUE,"
               "  first_name TEXT NOT NULL,"
               "  last_name TEXT,"
               "  username TEXT,"
               "  language_code TEXT," /* what their Telegram speaks */
               "  locale TEXT,"        /* what they chose here */
               "  created_at BIGINT NOT NULL,"
               "  updated_at BIGINT NOT NULL);"

               "CREATE TABLE dialog_state ("
               "  chat_id BIGINT NOT NULL,"
               "  telegram_id BIGINT NOT NULL,"
               "  thread_id BIGINT NOT NULL,"
               "  plugin TEXT NOT NULL,"
               "  state TEXT NOT NULL,"
               "  data TEXT NOT NULL," /* hexadecimal */
               "  expires_at BIGINT NOT NULL,"
               "  PRIMARY KEY (chat_id, telegram_id, thread_id));"

               /* What getUpdates brought and is not all done yet. */
               "CREATE TABLE inbox ("
               "  bot_id BIGINT NOT NULL,"
               "  first_id BIGINT NOT NULL," /* lowest update_id in it */
               "  updates TEXT NOT NULL,"
               "  received_at BIGINT NOT NULL,"
               "  PRIMARY KEY (bot_id, first_id));"

               /* Which updates of a row of the inbox took effect already. */
               "CREATE TABLE done_updates ("
               "  bot_id BIGINT NOT NULL,"
               "  first_id BIGINT NOT NULL,"
               "  update_id BIGINT NOT NULL,"
               "  PRIMARY KEY (bot_id, first_id, update_id));"

               /* Every update_id received in the last two days, as ranges. */
               "CREATE TABLE seen_updates ("
               "  bot_id BIGINT NOT NULL,"
               "  first_id BIGINT NOT NULL,"
               "  last_id BIGINT NOT NULL,"
               "  opened_at BIGINT NOT NULL,"
               "  PRIMARY KEY (bot_id, first_id));"

               "CREATE TABLE secrets ("
               "  name TEXT NOT NULL PRIMARY KEY,"
               "  value TEXT NOT NULL," /* hexadecimal */
               "  previous TEXT,"
               "  created_at BIGINT NOT NULL);",
    },
    {
        .version = 2,
        .name = "confirmations and progress",
        .sql = "CREATE TABLE confirmations ("
               "  id TEXT NOT NULL PRIMARY KEY," /* hexadecimal */
               "  chat_id BIGINT NOT NULL,"
               "  telegram_id BIGINT NOT NULL,"
               "  yes_route BIGINT NOT NULL,"
               "  no_route BIGINT NOT NULL," /* 0 = none */
               "  payload TEXT NOT NULL,"    /* hexadecimal */
               "  expires_at BIGINT NOT NULL);"

               /* Messages that show progress now. */
               "CREATE TABLE unfinished_messages ("
               "  bot_id BIGINT NOT NULL,"
               "  chat_id BIGINT NOT NULL,"
               "  message_id BIGINT NOT NULL,"
               "  locale TEXT NOT NULL,"
               "  PRIMARY KEY (bot_id, chat_id, message_id));",
    },
    {
        .version = 3,
        .name = "who sees the operators' commands",
        .sql = "CREATE TABLE operator_lists ("
               "  bot_id BIGINT NOT NULL,"
               "  chat_id BIGINT NOT NULL,"
               "  PRIMARY KEY (bot_id, chat_id));",
    },
    {
        .version = 4,
        .name = "who left, groups that moved, files that Telegram has",
        .sql = "ALTER TABLE users ADD COLUMN blocked_at BIGINT;"
               "ALTER TABLE users ADD COLUMN gone_at BIGINT;" /* the account was deleted */

               /* Groups of which there is something to know. */
               "CREATE TABLE chats ("
               "  chat_id BIGINT NOT NULL PRIMARY KEY,"
               "  moved_to BIGINT," /* the supergroup that it has become */
               "  gone_at BIGINT);" /* the bot was removed */

               "CREATE TABLE sent_files ("
               "  bot_id BIGINT NOT NULL,"
               "  blob_key TEXT NOT NULL,"
               "  kind TEXT NOT NULL,"
               "  stamp TEXT NOT NULL," /* of the content that was sent */
               "  file_id TEXT NOT NULL,"
               "  PRIMARY KEY (bot_id, blob_key, kind));",
    },
    {
        .version = 5,
        .name = "jobs",
        .sql = "CREATE TABLE jobs ("
               "  id TEXT NOT NULL PRIMARY KEY,"
               "  plugin TEXT NOT NULL,"
               "  kind TEXT NOT NULL,"
               "  telegram_id BIGINT NOT NULL," /* whose it is; 0 = nobody's */
               "  chat_id BIGINT NOT NULL,"     /* where its messages go */
               "  thread_id BIGINT NOT NULL,"
               "  message_id BIGINT NOT NULL," /* that shows it; 0 = none */
               "  quote_id BIGINT NOT NULL,"   /* that it answers; 0 = none */
               "  unique_key TEXT,"
               "  data TEXT NOT NULL," /* hexadecimal */
               "  priority BIGINT NOT NULL,"
               "  state TEXT NOT NULL DEFAULT 'waiting'," /* running, done, dead, cancelled */
               "  run_at BIGINT NOT NULL,"                /* this and the others: milliseconds */
               "  lease_until BIGINT NOT NULL DEFAULT 0,"
               "  attempt BIGINT NOT NULL DEFAULT 0," /* of all */
               "  tried BIGINT NOT NULL DEFAULT 0,"   /* of this phase */
               "  is_failing BIGINT NOT NULL DEFAULT 0,"
               "  is_cancelled BIGINT NOT NULL DEFAULT 0,"
               "  is_woken BIGINT NOT NULL DEFAULT 0,"
               "  percent BIGINT NOT NULL DEFAULT 0,"
               "  result TEXT,"
               "  error TEXT,"
               "  ended_at BIGINT);"
               "CREATE UNIQUE INDEX jobs_by_key ON jobs (plugin, kind, unique_key)"
               "  WHERE unique_key IS NOT NULL;"
               "CREATE INDEX jobs_by_state ON jobs (plugin, kind, state, run_at);"
               "CREATE INDEX jobs_by_owner ON jobs (telegram_id) WHERE state = 'running';"
               "CREATE INDEX jobs_by_message ON jobs (chat_id, message_id)"
               "  WHERE state IN ('waiting', 'running');"

               "CREATE TABLE schedules ("
               "  plugin TEXT NOT NULL,"
               "  name TEXT NOT NULL,"
               "  next_at BIGINT NOT NULL," /* seconds */
               "  PRIMARY KEY (plugin, name));",
    },
    {
        .version = 6,
        .name = "small rows that are written with every update, in one tree each",
        .sqlite =
            "CREATE TABLE new_done_updates ("
            "  bot_id BIGINT NOT NULL,"
            "  first_id BIGINT NOT NULL,"
            "  update_id BIGINT NOT NULL,"
            "  PRIMARY KEY (bot_id, first_id, update_id)) WITHOUT ROWID;"
            "INSERT INTO new_done_updates SELECT bot_id, first_id, update_id FROM done_updates;"
            "DROP TABLE done_updates;"
            "ALTER TABLE new_done_updates RENAME TO done_updates;"

            "CREATE TABLE new_dialog_state ("
            "  chat_id BIGINT NOT NULL,"
            "  telegram_id BIGINT NOT NULL,"
            "  thread_id BIGINT NOT NULL,"
            "  plugin TEXT NOT NULL,"
            "  state TEXT NOT NULL,"
            "  data TEXT NOT NULL,"
            "  expires_at BIGINT NOT NULL,"
            "  PRIMARY KEY (chat_id, telegram_id, thread_id)) WITHOUT ROWID;"
            "INSERT INTO new_dialog_state SELECT chat_id, telegram_id, thread_id, plugin,"
            "  state, data, expires_at FROM dialog_state;"
            "DROP TABLE dialog_state;"
            "ALTER TABLE new_dialog_state RENAME TO dialog_state;",
        .postgres = "SELECT 1;", /* it always keeps rows and keys apart */
    },
    {
        .version = 7,
        .name = "temporary blobs",
        .sql = "CREATE TABLE temp_blobs ("
               "  blob_key TEXT NOT NULL PRIMARY KEY,"
               "  expires_at BIGINT NOT NULL);" /* seconds */
               "CREATE INDEX temp_blobs_by_end ON temp_blobs (expires_at);",
    },
    {
        .version = 8,
        .name = "updates that were put aside",
        .sql = "CREATE TABLE dead_updates ("
               "  bot_id BIGINT NOT NULL,"
               "  update_id BIGINT NOT NULL,"
               "  body TEXT NOT NULL," /* JSON */
               "  reason TEXT NOT NULL,"
               "  attempts BIGINT NOT NULL,"
               "  failed_at BIGINT NOT NULL,"           /* seconds */
               "  is_marked BIGINT NOT NULL DEFAULT 0," /* it is to be handled again */
               "  PRIMARY KEY (bot_id, update_id));",
    },
    {
        .version = 9,
        .name = "what a schedule's next time was computed from",
        .sql = "ALTER TABLE schedules ADD COLUMN cron TEXT NOT NULL DEFAULT '';", /* not known */
    },
};

const size_t host_migration_count = sizeof host_migrations / sizeof *host_migrations;

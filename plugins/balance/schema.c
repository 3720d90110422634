/*
 * Migrations of balance. Never edited once released; a change is a further one.
 *
 * Amounts are whole hundredths of a credit, times are UTC seconds. Every table of a person's leads its
 * key with user_id.
 */
#include "schema.h"

const struct aisha_migration balance_migrations[BALANCE_MIGRATIONS] = {
    {
        .version = 1,
        .name = "the ledger",
        .sql =
            /* What the transactions of that person come to, and how many there are. Its row is the
             * lock of everything that moves this person's credits. */
        "CREATE TABLE user_balances ("
        "  user_id TEXT NOT NULL PRIMARY KEY,"
        "  balance BIGINT NOT NULL CHECK (balance >= 0),"
        "  held BIGINT NOT NULL CHECK (held >= 0),"
        "  entries BIGINT NOT NULL,"
        "  updated_at BIGINT NOT NULL);"

        /* Append-only; n counts each person's from 1 without gaps, and balance is what they had
             * after it. Both legs of a movement are in its row. */
        "CREATE TABLE transactions ("
        "  user_id TEXT NOT NULL,"
        "  n BIGINT NOT NULL,"
        "  op_id TEXT NOT NULL,"
        "  type TEXT NOT NULL,"
        "  from_account TEXT NOT NULL,"
        "  to_account TEXT NOT NULL,"
        "  amount BIGINT NOT NULL CHECK (amount > 0),"
        "  balance BIGINT NOT NULL CHECK (balance >= 0),"
        "  description TEXT NOT NULL,"
        "  created_at BIGINT NOT NULL,"
        "  PRIMARY KEY (user_id, n),"
        "  UNIQUE (user_id, op_id));"

        /* From the quote to the end of what it paid for. */
        "CREATE TABLE holds ("
        "  user_id TEXT NOT NULL,"
        "  id TEXT NOT NULL,"
        "  state TEXT NOT NULL," /* quoted, held, captured, released */
        "  tariff TEXT NOT NULL,"
        "  unit TEXT NOT NULL,"
        "  price BIGINT NOT NULL,"
        "  free_units BIGINT NOT NULL,"
        "  units BIGINT NOT NULL,"
        "  amount BIGINT NOT NULL CHECK (amount > 0),"
        "  captured BIGINT NOT NULL DEFAULT 0 CHECK (captured >= 0 AND captured <= amount),"
        "  title TEXT NOT NULL,"
        "  plugin TEXT NOT NULL,"
        "  resume TEXT NOT NULL,"
        "  data TEXT NOT NULL," /* hexadecimal */
        "  job_id TEXT,"
        "  created_at BIGINT NOT NULL,"
        "  expires_at BIGINT NOT NULL,"
        "  ended_at BIGINT,"
        "  PRIMARY KEY (user_id, id),"
        "  UNIQUE (user_id, job_id));"
        "CREATE INDEX holds_of_job ON holds (job_id) WHERE state = 'held';"
        "CREATE INDEX holds_by_end ON holds (state, expires_at);"

        /* A price for one person. */
        "CREATE TABLE tariff_overrides ("
        "  user_id TEXT NOT NULL,"
        "  tariff TEXT NOT NULL,"
        "  price BIGINT NOT NULL CHECK (price >= 0),"
        "  free_units BIGINT NOT NULL CHECK (free_units >= 0),"
        "  PRIMARY KEY (user_id, tariff));",
    },
    {
        .version = 2,
        .name = "payments",
        .sql = /* What somebody was asked to pay, and for what. Its id is the invoice's payload. */
        "CREATE TABLE invoices ("
        "  user_id TEXT NOT NULL,"
        "  id TEXT NOT NULL,"
        "  credits BIGINT NOT NULL CHECK (credits > 0),"
        "  bonus BIGINT NOT NULL CHECK (bonus >= 0),"
        "  currency TEXT NOT NULL,"
        "  price BIGINT NOT NULL CHECK (price > 0)," /* in the currency's smallest unit */
        "  promo TEXT NOT NULL,"                     /* a code that is used with it; '' = none */
        "  quote_id TEXT NOT NULL," /* what they were about to pay for; '' = nothing */
        "  created_at BIGINT NOT NULL,"
        "  PRIMARY KEY (user_id, id));"
        "CREATE INDEX invoices_by_id ON invoices (id);"

        "CREATE TABLE payments ("
        "  user_id TEXT NOT NULL,"
        "  charge_id TEXT NOT NULL," /* Telegram's */
        "  invoice_id TEXT NOT NULL,"
        "  credits BIGINT NOT NULL,"
        "  bonus BIGINT NOT NULL,"
        "  currency TEXT NOT NULL,"
        "  price BIGINT NOT NULL,"
        "  state TEXT NOT NULL," /* paid, refunded */
        "  taken_back BIGINT NOT NULL DEFAULT 0,"
        "  created_at BIGINT NOT NULL,"
        "  refunded_at BIGINT,"
        "  PRIMARY KEY (user_id, charge_id));"
        "CREATE INDEX payments_of_invoice ON payments (user_id, invoice_id);"

        /* How far something has come that goes on at its next turn. */
        "CREATE TABLE balance_progress ("
        "  name TEXT NOT NULL PRIMARY KEY,"
        "  place BIGINT NOT NULL);",
    },
    {
        .version = 3,
        .name = "promo codes",
        .sql = "CREATE TABLE promo_codes ("
               "  code TEXT NOT NULL PRIMARY KEY," /* in capitals */
               "  kind TEXT NOT NULL,"             /* balance, bonus, discount */
               "  value BIGINT NOT NULL CHECK (value > 0),"
               "  max_uses BIGINT NOT NULL," /* 0 = no limit */
               "  uses BIGINT NOT NULL,"
               "  per_person BIGINT NOT NULL,"  /* 0 = no limit */
               "  valid_until BIGINT NOT NULL," /* 0 = for ever */
               "  created_at BIGINT NOT NULL);"

               "CREATE TABLE promo_code_uses ("
               "  user_id TEXT NOT NULL,"
               "  code TEXT NOT NULL,"
               "  n BIGINT NOT NULL,"
               "  used_at BIGINT NOT NULL,"
               "  PRIMARY KEY (user_id, code, n));"

               /* For their next top-up. */
               "CREATE TABLE waiting_promos ("
               "  user_id TEXT NOT NULL PRIMARY KEY,"
               "  code TEXT NOT NULL);",
    },
    {
        .version = 4,
        .name = "where an invoice was asked for",
        .sql = /* The message with the packages whose button was pressed, and when the invoice was sent. */
        "ALTER TABLE invoices ADD COLUMN chat_id BIGINT;"
        "ALTER TABLE invoices ADD COLUMN list_id BIGINT;"
        "ALTER TABLE invoices ADD COLUMN sent_at BIGINT;",
    },
    {
        .version = 5,
        .name = "totals of accounts",
        .sql = /* What their transactions come to by the account on the other side: each only grows. */
        "ALTER TABLE user_balances ADD COLUMN bought BIGINT NOT NULL DEFAULT 0;" /* payments */
        "ALTER TABLE user_balances ADD COLUMN given BIGINT NOT NULL DEFAULT 0;"  /* gifts */
        "ALTER TABLE user_balances ADD COLUMN spent BIGINT NOT NULL DEFAULT 0;"  /* revenue */
        "ALTER TABLE user_balances ADD COLUMN refunded BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE user_balances ADD COLUMN revoked BIGINT NOT NULL DEFAULT 0;"
        "UPDATE user_balances SET (bought, given, spent, refunded, revoked) = (SELECT"
        "  CAST(COALESCE(SUM(CASE from_account WHEN 'payments' THEN amount END), 0) AS BIGINT),"
        "  CAST(COALESCE(SUM(CASE from_account WHEN 'gifts' THEN amount END), 0) AS BIGINT),"
        "  CAST(COALESCE(SUM(CASE to_account WHEN 'revenue' THEN amount END), 0) AS BIGINT),"
        "  CAST(COALESCE(SUM(CASE to_account WHEN 'payments' THEN amount END), 0) AS BIGINT),"
        "  CAST(COALESCE(SUM(CASE to_account WHEN 'gifts' THEN amount END), 0) AS BIGINT)"
        "  FROM transactions t WHERE t.user_id = user_balances.user_id);"
        "CREATE INDEX payments_by_state ON payments (state);",
    },
    {
        .version = 6,
        .name = "refunds while credits are held",
        .sql = /* Of what is held: it is for refunded payments, should it come back. */
        "ALTER TABLE user_balances ADD COLUMN owed BIGINT NOT NULL DEFAULT 0"
        "  CHECK (owed >= 0 AND owed <= held);"
        /* What was held of its credits when it was refunded, beside what was taken_back then. */
        "ALTER TABLE payments ADD COLUMN owed BIGINT NOT NULL DEFAULT 0;",
    },
};

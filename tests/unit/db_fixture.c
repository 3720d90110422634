#include "tests/unit/db_fixture.h"

#include "host/store/migrate.h"
#include "host/store/schema.h"
#include "host/store/user_copies.h"

void open_db(struct fixture *f)
{
    const char *error = NULL;

    int r = db_open(&f->db, f->loop, db_url(f), &f->arena, &error);
    if (r == 0)
        r = migrate(f->db, &f->arena, "host", host_migrations, host_migration_count, &error);
    if (r == 0)
        r = user_copies_new(&f->users, f->loop);
    if (r < 0)
        check(f, false, error, __FILE__, __LINE__);
}

void close_db(struct fixture *f)
{
    user_copies_free(f->users);
    f->users = NULL;
    db_close(f->db);
    f->db = NULL;
}

static void run_opened(struct fixture *f)
{
    open_db(f);
    if (f->db)
        f->opened(f);
    close_db(f);
}

void run_with_db(struct fixture *f, scenario *run)
{
    f->opened = run;
    run_scenario(f, run_opened);
}

/*
 * The database under test as others see it: by connections that are not the host's. What look() and
 * change() in store_fixture.h do.
 */
#pragma once

struct fixture;

/* Makes and removes the test's schema, on PostgreSQL. */
void outside_setup(struct fixture *f);
void outside_teardown(struct fixture *f);

/*
 * A private directory for temporary files of this process. What a killed process left is removed
 * by the next one.
 */
#pragma once

#include <aisha/base.h>

struct arena;

/* Makes the directory; its path is in arena. */
AISHA_CHECKED int temp_open(struct arena *arena, const char **ret_path);

/* Removes it with the files in it. */
void temp_close(const char *path);

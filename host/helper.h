/*
 * The process that a helper runs in: `aisha helper …`, started by host/bot/helper_process.c only.
 */
#pragma once

/* argv starts with "helper". Confines the process, runs what argv says, reports, and ends. */
int helper_main(int argc, char **argv);

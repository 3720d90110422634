/*
 * The process that a helper runs in: `aisha helper …`, started by host/bot/helper_process.c only.
 */
#pragma once

/* Confines the process, runs the helper named in argv, reports and ends with the exit status. */
int helper_main(int argc, char **argv);

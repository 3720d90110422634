/* Deletes temporary blobs when their time is over: once at the start, then every minute. */
#pragma once

struct bot;

int blob_sweep_start(struct bot *bot);

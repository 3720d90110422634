#include "host/bot/black_box.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "host/bot/bot.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/store/hex.h"

enum { MAX_SUSPECTS = 16 };

static const char magic[8] = "aisha 1";

struct suspect {
    int64_t update_id; /* 0 = none */
    int64_t deaths;
};

/* The file; of this machine only. */
struct black_box {
    char magic[8];
    struct loop_mark mark;
    struct suspect suspects[MAX_SUSPECTS]; /* the latest first */
};

/* Beside the database when that is a file. */
static const char *path_of(struct bot *bot)
{
    static const char scheme[] = "sqlite:";
    const char *url = bot->config->database.url, *directory = getenv("TMPDIR");
    uint8_t digest[EVP_MAX_MD_SIZE];

    if (strncmp(url, scheme, strlen(scheme)) == 0)
        return arena_printf(&bot->arena, "%s.running", url + strlen(scheme));
    if (EVP_Digest(url, strlen(url), digest, NULL, EVP_sha256(), NULL) != 1)
        abort();
    return arena_printf(&bot->arena, "%s/aisha-%" PRId64 "-%s.running",
                        directory && *directory ? directory : "/tmp", bot->id,
                        hex_encode(&bot->arena, digest, 8));
}

/* NULL, with errno, when there is no such file to be had. Another host's is left to that. */
static struct black_box *map(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return NULL;
    void *memory = MAP_FAILED;
    errno = 0;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) /* and room for it: a hole would be a crash of its own */
        errno = posix_fallocate(fd, 0, sizeof(struct black_box));
    if (errno == 0)
        memory = mmap(NULL, sizeof(struct black_box), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory != MAP_FAILED)
        return memory; /* the descriptor stays open for its lock */
    int saved = errno;
    close(fd);
    errno = saved;
    return NULL;
}

/* Moves it to the front with one more death; who has been there longest makes room. */
static int64_t accuse(struct black_box *box, int64_t update_id)
{
    struct suspect suspect = {.update_id = update_id};
    size_t i = 0;

    while (i < MAX_SUSPECTS - 1 && box->suspects[i].update_id != update_id)
        i++;
    if (box->suspects[i].update_id == update_id)
        suspect = box->suspects[i];
    suspect.deaths++;
    memmove(box->suspects + 1, box->suspects, i * sizeof *box->suspects);
    box->suspects[0] = suspect;
    return suspect.deaths;
}

static void read_last_run(struct black_box *box)
{
    struct loop_mark last = box->mark;

    if (memcmp(box->magic, magic, sizeof magic) != 0) {
        memset(box, 0, sizeof *box);
        memcpy(box->magic, magic, sizeof magic);
        return;
    }
    memset(&box->mark, 0, sizeof box->mark);
    if (!last.name[0])
        return;
    last.name[sizeof last.name - 1] = '\0';
    if (last.subject > 0)
        log_error("bot", "update=%" PRId64 " the last run ended within %s; that was death %" PRId64,
                  last.subject, last.name, accuse(box, last.subject));
    else
        log_error("bot", "the last run ended within %s", last.name);
}

void black_box_open(struct bot *bot)
{
    const char *path = path_of(bot);

    bot->black_box = map(path);
    if (!bot->black_box) {
        log_warn("bot", "%s: %s; after a crash nobody will know where it happened", path,
                 strerror(errno));
        return;
    }
    bot->black_box_path = path;
    read_last_run(bot->black_box);
    loop_set_mark(bot->loop, &bot->black_box->mark);
}

void black_box_close(struct bot *bot)
{
    struct black_box *box = bot->black_box;

    if (!box)
        return;
    loop_set_mark(bot->loop, NULL);
    memset(&box->mark, 0, sizeof box->mark);
    if (box->suspects[0].update_id == 0)
        unlink(bot->black_box_path);
    munmap(box, sizeof *box);
    bot->black_box = NULL;
}

int black_box_deaths(const struct bot *bot, int64_t update_id)
{
    for (size_t i = 0; bot->black_box && i < MAX_SUSPECTS; i++)
        if (bot->black_box->suspects[i].update_id == update_id)
            return (int)bot->black_box->suspects[i].deaths;
    return 0;
}

void black_box_forget(struct bot *bot, int64_t update_id)
{
    struct black_box *box = bot->black_box;
    size_t i = 0;

    while (box && i < MAX_SUSPECTS && box->suspects[i].update_id != update_id)
        i++;
    if (!box || i == MAX_SUSPECTS)
        return;
    memmove(box->suspects + i, box->suspects + i + 1,
            (MAX_SUSPECTS - i - 1) * sizeof *box->suspects);
    memset(&box->suspects[MAX_SUSPECTS - 1], 0, sizeof *box->suspects);
}

/*
 * A lane is idle, or taken by one call, or waits for its time (its timer runs), or is ready: then it
 * stands in the list of its first call's priority and waits for the limit over all chats.
 *
 * A lane exists while somebody is in it or waits for it, and until its allowance is full again.
 */
#include "host/telegram/outbound.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <aisha/error.h>

#include "host/core/loop.h"

enum {
    CHAT_BURST = 5,
    SWEEP_AT = 1024,
    UNEXPLAINED_WITHIN_MS = 2000,
    GRANT_LASTS_MS = 1000,
    MOST_LANES_ASKED = 100,
};

/* A token bucket: `tokens` may be spent now, `rate` more come each second up to `burst`. */
struct bucket {
    double rate, burst, tokens;
    int64_t filled_at_ms;
};

TAILQ_HEAD(call_list, outbound_call);
TAILQ_HEAD(lane_list, lane);

struct lane {
    struct outbound *outbound;
    int64_t chat_id;
    struct bucket bucket;
    int64_t rests_until_ms;
    struct call_list waiting; /* by priority, then in order */
    bool is_taken;
    struct lane_list *ready_in; /* the list it stands in, or NULL */
    TAILQ_ENTRY(lane) ready_link;
    struct event timer;
    UT_hash_handle hh;
};

struct outbound {
    struct loop *loop;
    struct outbound_options options;
    struct bucket all;

    struct { /* instead of that bucket's rate, when wanted is set */
        outbound_wanted *wanted;
        void *user;
        bool is_asked;
        unsigned granted;
        int64_t until_ms;
    } supply;

    int64_t rests_until_ms;
    struct lane *lanes;
    size_t waiting; /* calls, in all lanes */
    size_t sweep_at;
    struct lane_list ready[OUTBOUND_PRIORITIES];
    struct event timer; /* until the limit over all chats lets the next one go */

    struct { /* the last 429 that our counting does not explain */
        int64_t chat_id, at_ms;
    } unexplained;
};

/* ---- buckets ---- */

static struct bucket bucket_full(double rate, double burst, int64_t now_ms)
{
    return (struct bucket){.rate = rate, .burst = burst, .tokens = burst, .filled_at_ms = now_ms};
}

static void bucket_fill(struct bucket *bucket, int64_t now_ms)
{
    bucket->tokens += bucket->rate * (double)(now_ms - bucket->filled_at_ms) / 1000;
    if (bucket->tokens > bucket->burst)
        bucket->tokens = bucket->burst;
    bucket->filled_at_ms = now_ms;
}

/* How long until count messages may go, in ms; more than a burst go when the bucket is full. */
static int64_t bucket_wait_ms(struct bucket *bucket, unsigned count, int64_t now_ms)
{
    double needed = count < bucket->burst ? count : bucket->burst;

    if (bucket->rate <= 0 || count == 0)
        return 0;
    bucket_fill(bucket, now_ms);
    if (bucket->tokens >= needed)
        return 0;
    return (int64_t)((needed - bucket->tokens) / bucket->rate * 1000) + 1;
}

static void bucket_spend(struct bucket *bucket, unsigned count)
{
    if (bucket->rate > 0)
        bucket->tokens -= count;
}

/* At most so many in any minute: a burst, and a rate that brings the rest. */
static struct bucket group_bucket(double in_a_minute, int64_t now_ms)
{
    double burst = in_a_minute < 2 * CHAT_BURST ? in_a_minute / 2 : CHAT_BURST;

    return bucket_full((in_a_minute - burst) / 60, burst, now_ms);
}

/* ---- lanes ---- */

static void start_timer(struct event *timer, int64_t after_ms)
{
    const struct timeval after = {.tv_sec = after_ms / 1000, .tv_usec = after_ms % 1000 * 1000};

    evtimer_add(timer, &after);
}

/* Whoever was cancelled stays in the list until its task runs. */
static struct outbound_call *first_waiting(const struct lane *lane)
{
    struct outbound_call *call;

    TAILQ_FOREACH(call, &lane->waiting, link)
        if (!call->wait.is_woken)
            return call;
    return NULL;
}

/* Puts the lane where it belongs now; one that is ready already keeps its place. */
static void lane_settle(struct lane *lane)
{
    const struct outbound_call *first = lane->is_taken ? NULL : first_waiting(lane);
    int64_t now_ms = loop_now_ms(lane->outbound->loop), wait_ms = 0;
    struct lane_list *list = NULL;

    if (first) {
        wait_ms = bucket_wait_ms(&lane->bucket, first->messages, now_ms);
        if (lane->rests_until_ms - now_ms > wait_ms)
            wait_ms = lane->rests_until_ms - now_ms;
        list = wait_ms > 0 ? NULL : &lane->outbound->ready[first->priority];
    }
    evtimer_del(&lane->timer);
    if (wait_ms > 0)
        start_timer(&lane->timer, wait_ms);
    if (list == lane->ready_in)
        return;
    if (lane->ready_in)
        TAILQ_REMOVE(lane->ready_in, lane, ready_link);
    if (list)
        TAILQ_INSERT_TAIL(list, lane, ready_link);
    lane->ready_in = list;
}

/* As many as a bucket of the whole rate could ever have. */
static unsigned needed_of(const struct outbound *outbound, unsigned messages)
{
    return messages < outbound->all.burst ? messages : (unsigned)outbound->all.burst;
}

/* How many messages would go if there were no limit, looking at some lanes only. */
static unsigned demand(const struct outbound *outbound)
{
    unsigned messages = 0, lanes = 0;
    const struct lane *lane;

    for (int i = 0; i < OUTBOUND_PRIORITIES; i++)
        TAILQ_FOREACH(lane, &outbound->ready[i], ready_link) {
            const struct outbound_call *call = first_waiting(lane);
            messages += call ? call->messages : 0;
            if (++lanes == MOST_LANES_ASKED)
                return messages;
        }
    return messages;
}

/* Whether so many may go now; when not, more are on their way. */
static bool is_granted(struct outbound *outbound, unsigned messages, int64_t now_ms)
{
    unsigned needed = needed_of(outbound, messages);

    if (outbound->supply.until_ms <= now_ms)
        outbound->supply.granted = 0;
    if (outbound->supply.granted >= needed)
        return true;
    unsigned least = needed - outbound->supply.granted, most = demand(outbound);
    if (!outbound->supply.is_asked) {
        outbound->supply.is_asked = true;
        outbound->supply.wanted(least, most > least ? most : least, outbound->supply.user);
    }
    return false;
}

static void spend(struct outbound *outbound, unsigned messages)
{
    if (outbound->supply.wanted)
        outbound->supply.granted -= needed_of(outbound, messages);
    else
        bucket_spend(&outbound->all, messages);
}

static void take_out(struct lane *lane, struct outbound_call *call)
{
    TAILQ_REMOVE(&lane->waiting, call, link);
    lane->outbound->waiting--;
}

static void let_go(struct lane *lane, struct outbound_call *call)
{
    bucket_spend(&lane->bucket, call->messages);
    spend(lane->outbound, call->messages);
    take_out(lane, call);
    lane->is_taken = true;
    lane_settle(lane);
    wait_wake(&call->wait, 0);
}

static struct lane *first_ready(const struct outbound *outbound)
{
    for (int i = 0; i < OUTBOUND_PRIORITIES; i++)
        if (!TAILQ_EMPTY(&outbound->ready[i]))
            return TAILQ_FIRST(&outbound->ready[i]);
    return NULL;
}

/* Lets go as many as the limit over all chats allows. */
static void dispatch(struct outbound *outbound)
{
    int64_t now_ms = loop_now_ms(outbound->loop);
    struct lane *lane;

    evtimer_del(&outbound->timer);
    while ((lane = first_ready(outbound))) {
        struct outbound_call *call = first_waiting(lane);
        if (!call) { /* all of them were cancelled meanwhile */
            lane_settle(lane);
            continue;
        }
        int64_t wait_ms =
            outbound->supply.wanted ? 0 : bucket_wait_ms(&outbound->all, call->messages, now_ms);
        if (outbound->rests_until_ms - now_ms > wait_ms)
            wait_ms = outbound->rests_until_ms - now_ms;
        if (wait_ms > 0) {
            start_timer(&outbound->timer, wait_ms);
            return;
        }
        if (outbound->supply.wanted && !is_granted(outbound, call->messages, now_ms))
            return; /* the grant dispatches */
        let_go(lane, call);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    dispatch(arg);
}

static void on_lane_timer(evutil_socket_t fd, short what, void *arg)
{
    struct lane *lane = arg;

    (void)fd;
    (void)what;
    lane_settle(lane);
    dispatch(lane->outbound);
}

static void lane_free(struct lane *lane)
{
    evtimer_del(&lane->timer);
    HASH_DEL(lane->outbound->lanes, lane);
    free(lane);
}

/* Forgets the lanes of chats that have been quiet for long enough. */
static void sweep(struct outbound *outbound)
{
    int64_t now_ms = loop_now_ms(outbound->loop);
    struct lane *lane, *next;

    HASH_ITER(hh, outbound->lanes, lane, next)
    {
        bucket_fill(&lane->bucket, now_ms);
        if (!lane->is_taken && TAILQ_EMPTY(&lane->waiting) && lane->rests_until_ms <= now_ms &&
            lane->bucket.tokens >= lane->bucket.burst)
            lane_free(lane);
    }
    outbound->sweep_at = HASH_COUNT(outbound->lanes) * 2 + SWEEP_AT;
}

static struct lane *lane_find(const struct outbound *outbound, int64_t chat_id)
{
    struct lane *lane;

    HASH_FIND(hh, outbound->lanes, &chat_id, sizeof chat_id, lane);
    return lane;
}

static struct lane *lane_get(struct outbound *outbound, int64_t chat_id)
{
    const struct outbound_options *options = &outbound->options;
    int64_t now_ms = loop_now_ms(outbound->loop);
    struct lane *lane = lane_find(outbound, chat_id);

    if (lane)
        return lane;
    if (HASH_COUNT(outbound->lanes) >= outbound->sweep_at)
        sweep(outbound);
    lane = calloc(1, sizeof *lane);
    if (!lane)
        abort();
    lane->outbound = outbound;
    lane->chat_id = chat_id;
    lane->bucket = chat_id < 0 ? group_bucket(options->group_rate, now_ms)
                               : bucket_full(options->chat_rate, CHAT_BURST, now_ms);
    TAILQ_INIT(&lane->waiting);
    evtimer_assign(&lane->timer, loop_base(outbound->loop), on_lane_timer, lane);
    HASH_ADD(hh, outbound->lanes, chat_id, sizeof lane->chat_id, lane);
    return lane;
}

/* ---- calls ---- */

/* Its place behind all that are as urgent, or before them when it had its turn already. */
static void line_up(struct lane *lane, struct outbound_call *call)
{
    struct outbound_call *other;

    TAILQ_FOREACH(other, &lane->waiting, link)
        if (other->priority > call->priority ||
            (call->is_again && other->priority == call->priority))
            break;
    if (other)
        TAILQ_INSERT_BEFORE(other, call, link);
    else
        TAILQ_INSERT_TAIL(&lane->waiting, call, link);
    lane->outbound->waiting++;
}

static void send_away(struct lane *lane, struct outbound_call *call, int outcome)
{
    take_out(lane, call);
    wait_wake(&call->wait, outcome);
}

static bool is_same_edit(const struct outbound_call *a, const struct outbound_call *b)
{
    return a->edits_message && a->edits_message == b->edits_message && a->edit_kind == b->edit_kind;
}

/* Of two edits of the same content only the later one is sent, as urgently as the other was. */
static bool is_outdated(struct lane *lane, struct outbound_call *call)
{
    struct outbound_call *other, *next;

    for (other = TAILQ_FIRST(&lane->waiting); other; other = next) {
        next = TAILQ_NEXT(other, link);
        if (other->wait.is_woken || !is_same_edit(call, other))
            continue;
        if (call->is_again)
            return true;
        if (other->priority < call->priority)
            call->priority = other->priority;
        send_away(lane, other, OUTBOUND_REPLACED);
    }
    return false;
}

int outbound_enter(struct outbound *outbound, struct outbound_call *call)
{
    if (task_is_cancelled(task_current(outbound->loop)))
        return -AISHA_E_CANCELED;
    if (outbound_rest_ms(outbound, call->chat_id) > OUTBOUND_PATIENCE_S * 1000)
        return OUTBOUND_RESTS;
    struct lane *lane = lane_get(outbound, call->chat_id);
    if (is_outdated(lane, call))
        return OUTBOUND_REPLACED;
    call->lane = lane;
    wait_init(&call->wait, outbound->loop);
    line_up(lane, call);
    lane_settle(lane);
    dispatch(outbound);
    int r = wait_for(&call->wait, WAIT_FOREVER);
    if (r < 0) {
        take_out(lane, call);
        lane_settle(lane);
        dispatch(outbound);
    }
    return r;
}

void outbound_leave(struct outbound *outbound, struct outbound_call *call, int64_t pause_ms)
{
    struct lane *lane = call->lane;
    int64_t until_ms = loop_now_ms(outbound->loop) + pause_ms;

    lane->is_taken = false;
    if (pause_ms > 0 && until_ms > lane->rests_until_ms)
        lane->rests_until_ms = until_ms;
    for (struct outbound_call *other;
         pause_ms > OUTBOUND_PATIENCE_S * 1000 && (other = first_waiting(lane));)
        send_away(lane, other, OUTBOUND_RESTS);
    lane_settle(lane);
    dispatch(outbound);
}

void outbound_leave_flooded(struct outbound *outbound, struct outbound_call *call, int64_t pause_ms)
{
    const struct bucket *bucket = &call->lane->bucket;
    int64_t now_ms = loop_now_ms(outbound->loop), chat_id = call->chat_id;
    bool is_explained = bucket->rate > 0 && bucket->tokens < 1;

    if (!is_explained) {
        bool is_second = outbound->unexplained.chat_id &&
                         outbound->unexplained.chat_id != chat_id &&
                         now_ms - outbound->unexplained.at_ms < UNEXPLAINED_WITHIN_MS;
        if (is_second && now_ms + pause_ms > outbound->rests_until_ms)
            outbound->rests_until_ms = now_ms + pause_ms;
        outbound->unexplained.chat_id = chat_id;
        outbound->unexplained.at_ms = now_ms;
    }
    outbound_leave(outbound, call, pause_ms);
}

void outbound_set_supply(struct outbound *outbound, outbound_wanted *wanted, void *user)
{
    outbound->supply.wanted = wanted;
    outbound->supply.user = user;
    dispatch(outbound);
}

void outbound_grant(struct outbound *outbound, unsigned messages)
{
    int64_t now_ms = loop_now_ms(outbound->loop);

    if (outbound->supply.until_ms <= now_ms)
        outbound->supply.granted = 0;
    outbound->supply.granted += messages;
    outbound->supply.until_ms = now_ms + GRANT_LASTS_MS;
    outbound->supply.is_asked = false;
    dispatch(outbound);
}

int64_t outbound_rest_ms(const struct outbound *outbound, int64_t chat_id)
{
    const struct lane *lane = lane_find(outbound, chat_id);
    int64_t until_ms = outbound->rests_until_ms, now_ms = loop_now_ms(outbound->loop);

    if (lane && lane->rests_until_ms > until_ms)
        until_ms = lane->rests_until_ms;
    return until_ms > now_ms ? until_ms - now_ms : 0;
}

size_t outbound_waiting_count(const struct outbound *outbound)
{
    return outbound->waiting;
}

unsigned outbound_lane_count(const struct outbound *outbound)
{
    return HASH_COUNT(outbound->lanes);
}

/* ---- life ---- */

int outbound_new(struct outbound **ret_outbound, struct loop *loop,
                 const struct outbound_options *options)
{
    struct outbound *outbound = calloc(1, sizeof *outbound);

    if (!outbound)
        return -ENOMEM;
    *outbound = (struct outbound){.loop = loop, .options = *options, .sweep_at = SWEEP_AT};
    outbound->all = bucket_full(options->rate, options->rate, loop_now_ms(loop));
    for (int i = 0; i < OUTBOUND_PRIORITIES; i++)
        TAILQ_INIT(&outbound->ready[i]);
    evtimer_assign(&outbound->timer, loop_base(loop), on_timer, outbound);
    *ret_outbound = outbound;
    return 0;
}

void outbound_free(struct outbound *outbound)
{
    struct lane *lane, *next;

    if (!outbound)
        return;
    HASH_ITER(hh, outbound->lanes, lane, next)
    {
        lane_free(lane);
    }
    evtimer_del(&outbound->timer);
    free(outbound);
}

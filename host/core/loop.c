/*
 * Drain the ready queue, then let libevent wait; nothing is resumed from inside a callback, so
 * there is no re-entrancy into the libraries and no nesting depth to think about.
 */
#include "host/core/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <aisha/error.h>

#include "host/core/co.h"
#include "host/core/log.h"
#include "host/core/wait.h"

enum {
    DEFAULT_MAX_TASKS = 8192,
    DRAIN_AT_ONCE = 1024,
    REFUSED_WAITS = 256, /* of a cancelled task, before it is slowed down */
    REFUSED_PAUSE_MS = 10,
    LONG_TURN_MS = 1000,
};

struct task {
    struct loop *loop;
    struct co *co;
    struct loop_mark mark; /* its name and subject */
    void (*fn)(void *arg);
    void *arg;
    struct wait *waiting; /* what it is suspended on */
    struct event *deadline;
    struct event timer; /* of the present wait */
    bool is_ready, is_cancelled, ignores_cancel;
    unsigned refused_waits;
    TAILQ_ENTRY(task) ready_link;
    TAILQ_ENTRY(task) link;
};

struct post {
    void (*fn)(void *arg);
    void *arg;
    STAILQ_ENTRY(post) link;
};

STAILQ_HEAD(post_list, post);
TAILQ_HEAD(chore_list, loop_chore);

struct loop {
    struct event_base *base;
    struct co_pool *pool;
    struct task *current;
    struct loop_mark *mark; /* of the current one, for others to see; or NULL */
    TAILQ_HEAD(, task) ready;
    TAILQ_HEAD(, task) tasks;
    struct chore_list chores;
    uint64_t turn; /* how often chores were done */
    size_t alive;
    bool is_stopping;
    pthread_mutex_t post_lock; /* guards posts */
    struct post_list posts;
    int post_fd;
    struct event *post_event;
};

static void on_posted(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    uint64_t count;
    struct post_list posts = STAILQ_HEAD_INITIALIZER(posts);

    (void)what;
    if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
        return;
    pthread_mutex_lock(&loop->post_lock);
    STAILQ_CONCAT(&posts, &loop->posts);
    pthread_mutex_unlock(&loop->post_lock);
    while (!STAILQ_EMPTY(&posts)) {
        struct post *post = STAILQ_FIRST(&posts);
        STAILQ_REMOVE_HEAD(&posts, link);
        post->fn(post->arg);
        free(post);
    }
}

void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    struct post *post = malloc(sizeof *post);
    const uint64_t one = 1;

    if (!post)
        abort();
    *post = (struct post){.fn = fn, .arg = arg};
    pthread_mutex_lock(&loop->post_lock);
    bool was_empty = STAILQ_EMPTY(&loop->posts);
    STAILQ_INSERT_TAIL(&loop->posts, post, link);
    pthread_mutex_unlock(&loop->post_lock);
    if (was_empty && write(loop->post_fd, &one, sizeof one) < 0)
        abort(); /* an eventfd that is never full and never closed cannot fail */
}

void loop_at_end_of_turn(struct loop *loop, struct loop_chore *chore)
{
    if (chore->loop)
        return;
    chore->loop = loop;
    chore->turn = loop->turn;
    TAILQ_INSERT_TAIL(&loop->chores, chore, link);
}

bool loop_chore_is_due(const struct loop_chore *chore)
{
    return chore->loop;
}

void loop_chore_cancel(struct loop_chore *chore)
{
    if (chore->loop)
        TAILQ_REMOVE(&chore->loop->chores, chore, link);
    chore->loop = NULL;
}

/* One that asks for another time has that at the end of the next turn, so that it stops nobody. */
static void run_chores(struct loop *loop)
{
    uint64_t turn = loop->turn++;
    struct loop_chore *chore;

    while ((chore = TAILQ_FIRST(&loop->chores)) && chore->turn == turn) {
        loop_chore_cancel(chore);
        chore->fn(chore->arg);
    }
}

static int loop_init_events(struct loop *loop)
{
    struct event_config *config = event_config_new();

    if (!config)
        return -ENOMEM;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER |
                                      EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    loop->post_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!loop->base || loop->post_fd < 0)
        return -ENOMEM;
    loop->post_event = event_new(loop->base, loop->post_fd, EV_READ | EV_PERSIST, on_posted, loop);
    if (!loop->post_event || event_add(loop->post_event, NULL) < 0)
        return -ENOMEM;
    return 0;
}

int loop_new(struct loop **ret_loop, const struct loop_options *options)
{
    struct loop *loop = calloc(1, sizeof *loop);
    size_t max_tasks = options->max_tasks ? options->max_tasks : DEFAULT_MAX_TASKS;

    if (!loop)
        return -ENOMEM;
    loop->post_fd = -1;
    TAILQ_INIT(&loop->ready);
    TAILQ_INIT(&loop->tasks);
    STAILQ_INIT(&loop->posts);
    TAILQ_INIT(&loop->chores);
    pthread_mutex_init(&loop->post_lock, NULL);
    int r = loop_init_events(loop);
    if (r == 0)
        r = co_pool_new(&loop->pool, max_tasks, options->measure_stack);
    if (r == 0 && options->report_overflow)
        r = co_pool_report_overflow(loop->pool);
    if (r < 0) {
        loop_free(loop);
        return r;
    }
    *ret_loop = loop;
    return 0;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    assert(loop->alive == 0);
    while (!STAILQ_EMPTY(&loop->posts)) {
        struct post *post = STAILQ_FIRST(&loop->posts);
        STAILQ_REMOVE_HEAD(&loop->posts, link);
        free(post);
    }
    if (loop->post_event)
        event_free(loop->post_event);
    if (loop->post_fd >= 0)
        close(loop->post_fd);
    if (loop->base)
        event_base_free(loop->base);
    co_pool_free(loop->pool);
    pthread_mutex_destroy(&loop->post_lock);
    free(loop);
}

struct event_base *loop_base(const struct loop *loop)
{
    return loop->base;
}

bool loop_is_stopping(const struct loop *loop)
{
    return loop->is_stopping;
}

int64_t loop_now_ms(const struct loop *loop)
{
    struct timespec now;

    (void)loop;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

size_t loop_tasks_alive(const struct loop *loop)
{
    return loop->alive;
}

size_t loop_tasks_max(const struct loop *loop)
{
    return co_pool_max_alive(loop->pool);
}

size_t loop_stack_high_water(const struct loop *loop)
{
    return co_pool_stats(loop->pool).high_water;
}

static void task_ready(struct task *task)
{
    assert(!task->is_ready);
    task->is_ready = true;
    TAILQ_INSERT_TAIL(&task->loop->ready, task, ready_link);
}

static void task_run(void *arg)
{
    struct task *task = arg;

    task->fn(task->arg);
}

static void on_wait_timer(evutil_socket_t fd, short what, void *arg)
{
    struct task *task = arg;

    (void)fd;
    (void)what;
    if (task->waiting)
        wait_wake(task->waiting, -AISHA_E_TIMEOUT);
}

int task_start(struct loop *loop, const char *name, void (*fn)(void *arg), void *arg,
               struct task **ret_task)
{
    struct task *task = calloc(1, sizeof *task);

    if (!task)
        return -ENOMEM;
    *task = (struct task){.loop = loop, .fn = fn, .arg = arg};
    task_rename(task, name);
    task->co = co_start(loop->pool, task->mark.name, task_run, task);
    if (!task->co) {
        free(task);
        return -AISHA_E_LIMIT;
    }
    evtimer_assign(&task->timer, loop->base, on_wait_timer, task);
    task->is_cancelled = loop->is_stopping;
    TAILQ_INSERT_TAIL(&loop->tasks, task, link);
    loop->alive++;
    task_ready(task);
    if (ret_task)
        *ret_task = task;
    return 0;
}

static void task_free(struct task *task)
{
    TAILQ_REMOVE(&task->loop->tasks, task, link);
    task->loop->alive--;
    evtimer_del(&task->timer);
    if (task->deadline)
        event_free(task->deadline);
    free(task);
}

bool task_enter(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    return co_enter(loop->pool, fn, arg);
}

void task_leave(struct loop *loop)
{
    co_leave(loop->pool);
}

struct task *task_current(const struct loop *loop)
{
    return loop->current;
}

void loop_set_mark(struct loop *loop, struct loop_mark *mark)
{
    loop->mark = mark;
}

static void note(const struct loop *loop)
{
    static const struct loop_mark none;

    if (loop->mark)
        *loop->mark = loop->current ? loop->current->mark : none;
}

void task_set_subject(struct task *task, int64_t subject)
{
    task->mark.subject = subject;
    note(task->loop);
}

void task_rename(struct task *task, const char *name)
{
    size_t size = strnlen(name, sizeof task->mark.name - 1);

    memcpy(task->mark.name, name, size);
    task->mark.name[size] = '\0';
    note(task->loop);
}

const char *task_name(const struct task *task)
{
    return task->mark.name;
}

bool task_is_cancelled(const struct task *task)
{
    return task->is_cancelled;
}

void task_cancel(struct task *task)
{
    task->is_cancelled = true;
    if (task->waiting && !task->ignores_cancel)
        wait_wake(task->waiting, -AISHA_E_CANCELED);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    task_cancel(arg);
}

static struct timeval to_timeval(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

void task_set_deadline(struct task *task, int64_t timeout_ms)
{
    if (!task->deadline)
        task->deadline = evtimer_new(task->loop->base, on_deadline, task);
    if (!task->deadline)
        abort();
    event_del(task->deadline);
    const struct timeval after = to_timeval(timeout_ms);
    if (timeout_ms > 0)
        event_add(task->deadline, &after);
}

void wait_init(struct wait *w, struct loop *loop)
{
    *w = (struct wait){.loop = loop};
}

void wait_wake(struct wait *w, int result)
{
    if (w->is_woken)
        return;
    w->is_woken = true;
    w->result = result;
    if (w->task)
        task_ready(w->task);
}

static int wait_suspend(struct wait *w, int64_t timeout_ms, bool ignores_cancel);

/* A cancelled task that ignores it and goes on in circles must not stop everybody else. */
static void let_others_run(struct loop *loop, const struct task *task)
{
    struct wait pause;

    if (task->refused_waits == REFUSED_WAITS)
        log_error("loop", "%s was cancelled and does not end: it ignores -AISHA_E_CANCELED",
                  task->mark.name);
    wait_init(&pause, loop);
    aisha_ignore(wait_suspend(&pause, REFUSED_PAUSE_MS, true));
}

static int wait_suspend(struct wait *w, int64_t timeout_ms, bool ignores_cancel)
{
    struct task *task = w->loop->current;

    assert(task && "only a task can wait");
    if (task->is_cancelled && !ignores_cancel && !w->is_woken) {
        w->is_woken = true; /* whoever holds it can no longer wake anybody */
        if (++task->refused_waits % REFUSED_WAITS == 0)
            let_others_run(w->loop, task);
        return w->result = -AISHA_E_CANCELED;
    }
    if (w->is_woken)
        return w->result;
    if (timeout_ms >= 0) {
        const struct timeval after = to_timeval(timeout_ms);
        evtimer_add(&task->timer, &after);
    }
    w->task = task;
    task->waiting = w;
    task->ignores_cancel = ignores_cancel;
    co_suspend(w->loop->pool);
    task->waiting = NULL;
    if (timeout_ms >= 0)
        evtimer_del(&task->timer);
    return w->result;
}

int wait_for(struct wait *w, int64_t timeout_ms)
{
    return wait_suspend(w, timeout_ms, false);
}

int wait_for_uncancelled(struct wait *w, int64_t timeout_ms)
{
    return wait_suspend(w, timeout_ms, true);
}

int wait_sleep(struct loop *loop, int64_t timeout_ms)
{
    struct wait w;

    wait_init(&w, loop);
    int r = wait_for(&w, timeout_ms);
    return r == -AISHA_E_TIMEOUT ? 0 : r;
}

static void end_yield(void *arg)
{
    wait_wake(arg, 0);
}

int wait_yield(struct loop *loop)
{
    struct wait w;
    struct loop_chore end = {.fn = end_yield, .arg = &w};

    wait_init(&w, loop);
    loop_at_end_of_turn(loop, &end);
    int r = wait_for(&w, WAIT_FOREVER);
    loop_chore_cancel(&end);
    return r;
}

static void loop_drain(struct loop *loop)
{
    for (int i = 0; i < DRAIN_AT_ONCE && !TAILQ_EMPTY(&loop->ready); i++) {
        struct task *task = TAILQ_FIRST(&loop->ready);
        TAILQ_REMOVE(&loop->ready, task, ready_link);
        task->is_ready = false;
        loop->current = task;
        note(loop);
        int64_t began_ms = loop_now_ms(loop);
        bool is_done = co_resume(task->co);
        loop->current = NULL;
        note(loop);
        int64_t turn_ms = loop_now_ms(loop) - began_ms;
        if (turn_ms >= LONG_TURN_MS)
            log_warn("loop",
                     "nothing else ran for %lld ms because of %s; long work belongs on a worker "
                     "thread or into a helper",
                     (long long)turn_ms, task->mark.name);
        if (is_done)
            task_free(task);
    }
}

void loop_stop(struct loop *loop)
{
    struct task *task;

    if (loop->is_stopping)
        return;
    loop->is_stopping = true;
    TAILQ_FOREACH(task, &loop->tasks, link)
        task_cancel(task);
}

int loop_run(struct loop *loop)
{
    for (;;) {
        loop_drain(loop);
        run_chores(loop);
        if (loop->is_stopping && loop->alive == 0)
            return 0;
        bool may_wait = TAILQ_EMPTY(&loop->ready) && TAILQ_EMPTY(&loop->chores);
        if (event_base_loop(loop->base, EVLOOP_ONCE | (may_wait ? 0 : EVLOOP_NONBLOCK)) < 0)
            return -AISHA_E_UNAVAILABLE;
    }
}

/*
 * The event loop of one thread, and the tasks (coroutines) that run on it.
 *
 * Only the loop resumes a task. Library callbacks, timers and other threads mark a task ready;
 * ready tasks run in the order in which they became ready.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <aisha/base.h>

struct event_base;
struct loop;
struct task;

struct loop_options {
    size_t max_tasks;   /* coroutines alive at once; 0 = 8192 */
    bool measure_stack; /* see co_pool_new() */
    bool report_overflow;
};

int loop_new(struct loop **ret_loop, const struct loop_options *options);

/* NULL is fine. No task may be alive. */
void loop_free(struct loop *loop);

/* The libevent base, for those who register events of their own. */
struct event_base *loop_base(const struct loop *loop);

/* Runs until loop_stop(); returns 0, or -AISHA_E_* when the backend fails. */
int loop_run(struct loop *loop);

/*
 * Ends loop_run(): cancels every task, goes on until all have returned, then returns. Calling it
 * again changes nothing.
 */
void loop_stop(struct loop *loop);
bool loop_is_stopping(const struct loop *loop);

/*
 * Where the loop notes which task runs now: for whoever looks after this process has died. Empty
 * while none does. NULL = nowhere.
 */
struct loop_mark {
    int64_t subject; /* see task_set_subject() */
    char name[128];
};

void loop_set_mark(struct loop *loop, struct loop_mark *mark);

/* Milliseconds on the monotonic clock. */
int64_t loop_now_ms(const struct loop *loop);

/* Calls fn(arg) on the loop, soon; from any thread. */
void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg);

/* Something to do at the end of a turn, when the tasks that were ready have run and before anything
 * is waited for: what they asked for one by one can then be done together. */
struct loop_chore {
    void (*fn)(void *arg);
    void *arg;
    struct loop *loop; /* private from here: NULL = it is not asked for */
    uint64_t turn;
    TAILQ_ENTRY(loop_chore) link;
};

/* Calls chore->fn(chore->arg) once at the end of this turn, however often it is asked for, in the order
 * in which they were; asked for by a chore, at the end of the next turn. */
void loop_at_end_of_turn(struct loop *loop, struct loop_chore *chore);
bool loop_chore_is_due(const struct loop_chore *chore);
void loop_chore_cancel(struct loop_chore *chore);

size_t loop_tasks_alive(const struct loop *loop);
size_t loop_tasks_max(const struct loop *loop); /* that may be alive at once */
size_t loop_stack_high_water(const struct loop *loop);

/*
 * Starts fn(arg) as a coroutine. name is copied. ret_task may be NULL;
 * the pointer is valid until fn returns. -AISHA_E_LIMIT when there are too many.
 */
AISHA_CHECKED int task_start(struct loop *loop, const char *name, void (*fn)(void *arg), void *arg,
                             struct task **ret_task);

/* The task that runs now; NULL outside of any. */
struct task *task_current(const struct loop *loop);
const char *task_name(const struct task *task);

/*
 * Runs fn(arg) within the current task; false when task_leave() ended it, from any depth and without
 * returning through the functions in between: whatever these held is lost. For code of others that
 * cannot go on.
 */
AISHA_ASYNC bool task_enter(struct loop *loop, void (*fn)(void *arg), void *arg);
_Noreturn void task_leave(struct loop *loop);

/* What the task is about, such as the id of an update. */
void task_set_subject(struct task *task, int64_t subject);

/* Another name, more telling in the log and in the report of a crash; copied, cut to 127 bytes. */
void task_rename(struct task *task, const char *name);

/*
 * Makes the task's present wait and all later ones fail with -AISHA_E_CANCELED. A task that should
 * still clean up over the network cannot: cancelling is final.
 */
void task_cancel(struct task *task);
bool task_is_cancelled(const struct task *task);

/* Cancels the task that many milliseconds from now; 0 removes the deadline. */
void task_set_deadline(struct task *task, int64_t timeout_ms);

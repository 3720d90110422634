/*
 * One queue, a few threads, results posted back to the loop.
 */
#include "host/core/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"

enum { MAX_THREADS = 16, MAX_QUEUED = 4096 };

struct job {
    int (*fn)(void *arg);
    void *arg;
    int result;
    struct wait wait;
    STAILQ_ENTRY(job) link;
};

struct workers {
    struct loop *loop;
    pthread_mutex_t lock; /* guards jobs, queued, is_stopping */
    pthread_cond_t more;
    STAILQ_HEAD(, job) jobs;
    unsigned queued;
    bool is_stopping;
    unsigned thread_count;
    pthread_t threads[MAX_THREADS];
};

static void on_job_done(void *arg)
{
    struct job *job = arg;

    wait_wake(&job->wait, job->result);
}

static void *worker_main(void *arg)
{
    struct workers *workers = arg;

    for (;;) {
        pthread_mutex_lock(&workers->lock);
        while (STAILQ_EMPTY(&workers->jobs) && !workers->is_stopping)
            pthread_cond_wait(&workers->more, &workers->lock);
        struct job *job = STAILQ_FIRST(&workers->jobs);
        if (job) {
            STAILQ_REMOVE_HEAD(&workers->jobs, link);
            workers->queued--;
        }
        pthread_mutex_unlock(&workers->lock);
        if (!job)
            return NULL;
        job->result = job->fn(job->arg);
        loop_post(workers->loop, on_job_done, job);
    }
}

int workers_new(struct workers **ret_workers, struct loop *loop, unsigned threads)
{
    struct workers *workers = calloc(1, sizeof *workers);
    sigset_t all, before;

    if (!workers)
        return -ENOMEM;
    workers->loop = loop;
    STAILQ_INIT(&workers->jobs);
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->more, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop thread's */
    int r = 0;
    while (r == 0 && workers->thread_count < threads && workers->thread_count < MAX_THREADS) {
        r = -pthread_create(&workers->threads[workers->thread_count], NULL, worker_main, workers);
        if (r == 0)
            workers->thread_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r < 0) {
        workers_free(workers);
        return r;
    }
    *ret_workers = workers;
    return 0;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->is_stopping = true;
    pthread_cond_broadcast(&workers->more);
    pthread_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < workers->thread_count; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_cond_destroy(&workers->more);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

int workers_run(struct workers *workers, int (*fn)(void *arg), void *arg)
{
    struct job job = {.fn = fn, .arg = arg};

    if (task_is_cancelled(task_current(workers->loop)))
        return -AISHA_E_CANCELED;
    wait_init(&job.wait, workers->loop);
    pthread_mutex_lock(&workers->lock);
    bool is_full = workers->queued >= MAX_QUEUED;
    if (!is_full) {
        STAILQ_INSERT_TAIL(&workers->jobs, &job, link);
        workers->queued++;
        pthread_cond_signal(&workers->more);
    }
    pthread_mutex_unlock(&workers->lock);
    if (is_full)
        return -AISHA_E_LIMIT;
    return wait_for_uncancelled(&job.wait, WAIT_FOREVER);
}

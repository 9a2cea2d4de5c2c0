/* Who computes which point. The first process hands out blocks of points to those that ask, takes
 * in their results, and computes itself in between; within a process threads share a block. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep_impl.h"
#include "vitcod/comm.h"
#include "vitcod/threads.h"

enum { MOST_BLOCK = 256, AHEAD = 2 /* blocks that a process has been given */ };

/* What the first process says: these points; none: no more. */
typedef struct block {
    uint64_t count;
    uint64_t points[MOST_BLOCK];
} block;

typedef struct master {
    vc__sweep_file *file;
    const vc_sweep *space;
    uint64_t next; /* no point before it is to be handed out */
    size_t per_block;
    int working;           /* requests of other processes that have not been answered with none */
    vc_progress *progress; /* NULL: none */
    int no_file;           /* it takes no more lines */
    vc_status status;      /* the first failure: nothing more is handed out */
    char message[512];
} master;

/* ---- a block's lines: a result; or FAILED, a status and why there is none; or nothing, where
 * another point failed first. */

enum { FAILED = '!' };

typedef struct lines {
    char (*text)[VC_SWEEP_LINE]; /* (MOST_BLOCK) */
} lines;

static void compute(lines *l, const vc_sweep *space, const block *b)
{
    int failed = 0;
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t i = 0; i < b->count; i++) {
        int over;
        l->text[i][0] = '\0';
#pragma omp atomic read
        over = failed;
        const vc_status status = over ? VC_OK : vc_sweep_point(l->text[i], space, b->points[i]);
        if (status == VC_OK)
            continue;
        snprintf(l->text[i], VC_SWEEP_LINE, "%c%c%s", FAILED, '0' + (int)status, vc_last_error());
#pragma omp atomic write
        failed = 1;
    }
}

/* ---- the first process */

static void fail(master *m, vc_status status, const char *message)
{
    if (m->status != VC_OK)
        return;
    m->status = status;
    snprintf(m->message, sizeof m->message, "%s", message);
}

static void show_progress(master *m)
{
    if (m->progress)
        vc_progress_update(m->progress, m->file->count, NULL);
}

static void next_block(master *m, block *b)
{
    b->count = 0;
    for (; m->status == VC_OK && b->count < m->per_block && m->next < m->space->points; m->next++)
        if (!vc__sweep_file_has(m->file, m->next))
            b->points[b->count++] = m->next;
}

/* What was computed beside a point that failed is kept. */
static void take_line(master *m, const char *line)
{
    if (line[0] == FAILED)
        fail(m, (vc_status)(line[1] - '0'), line + 2);
    if (line[0] == FAILED || line[0] == '\0' || m->no_file)
        return;
    const vc_status status = vc__sweep_file_add(m->file, line);
    m->no_file = status != VC_OK;
    if (status != VC_OK)
        fail(m, status, vc_last_error());
}

static void give_block(master *m, int to)
{
    block b;
    next_block(m, &b);
    vc_comm_send(to, &b, offsetof(block, points) + b.count * sizeof *b.points);
    m->working -= b.count == 0;
}

/* A worker's message: one of its lines, or, empty, that it wants more. */
static int serve(master *m, int wait)
{
    char *bytes;
    size_t count;
    const int from = vc_comm_receive(&bytes, &count, wait);
    if (from < 0)
        return 0;
    bytes[count] = '\0';
    if (count > 0)
        take_line(m, bytes);
    else
        give_block(m, from);
    free(bytes);
    show_progress(m);
    return 1;
}

static void run_master(master *m, lines *l)
{
    block b;
    for (next_block(m, &b); b.count > 0; next_block(m, &b)) {
        compute(l, m->space, &b);
        for (size_t i = 0; i < b.count; i++)
            take_line(m, l->text[i]);
        show_progress(m);
        while (m->working > 0 && serve(m, 0))
            ;
    }
    while (m->working > 0)
        serve(m, 1);
}

/* ---- the others: while one block is computed the next is on its way. Messages are short, so that
 * nobody has to wait until another takes them. */

static void run_worker(const vc_sweep *space, lines *l)
{
    for (int i = 0; i < AHEAD; i++)
        vc_comm_send(0, "", 0);
    for (int left = AHEAD; left > 0;) {
        block b;
        char *bytes;
        size_t count;
        vc_comm_receive(&bytes, &count, 1);
        memcpy(&b, bytes, count);
        free(bytes);
        left -= b.count == 0;
        compute(l, space, &b);
        for (size_t i = 0; i < b.count; i++)
            if (l->text[i][0])
                vc_comm_send(0, l->text[i], strlen(l->text[i]));
        if (b.count > 0)
            vc_comm_send(0, "", 0);
    }
}

/* Small at first, so that no process is left waiting for the last block of another. */
static size_t block_size(const vc_sweep *space)
{
    const uint64_t threads = (uint64_t)vc_threads_count(),
                   fair = space->points / ((uint64_t)vc_comm_size() * 64) + 1,
                   least = threads < MOST_BLOCK ? threads : MOST_BLOCK,
                   most = 8 * least < MOST_BLOCK ? 8 * least : MOST_BLOCK;
    return (size_t)(fair < least ? least : fair > most ? most : fair);
}

static vc_status run_processes(vc__sweep_file *file, const vc_sweep *space, vc_progress *progress)
{
    lines l = {malloc(MOST_BLOCK * sizeof *l.text)};
    if (!l.text)
        return vc_fail(VC_ENOMEM, "out of memory for a block of points");
    master m = {.file = file,
                .space = space,
                .per_block = block_size(space),
                .progress = progress,
                .working = AHEAD * (vc_comm_size() - 1)};
    if (progress)
        progress->total = space->points;
    if (vc_comm_rank() == 0)
        run_master(&m, &l);
    else
        run_worker(space, &l);
    free(l.text);
    return m.status == VC_OK ? VC_OK : vc_fail(m.status, "%s", m.message);
}

vc_status vc_sweep_run(vc_sweep_done *out, const vc_sweep *sweep, const char *path,
                       const char *command, vc_progress *progress)
{
    vc__sweep_file file = {.descriptor = -1};
    *out = (vc_sweep_done){0};
    if (vc_comm_rank() == 0)
        VC_TRY(vc__sweep_file_open(&file, path, command, sweep));
    out->before = file.count;
    const vc_status status = run_processes(&file, sweep, progress);
    out->now = file.count - out->before;
    out->impossible = file.impossible;
    out->first = file.first;
    snprintf(out->reason, sizeof out->reason, "%s", file.reason);
    vc__sweep_file_close(&file);
    return status;
}

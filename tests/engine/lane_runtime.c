/* A runtime of devices for tests: the kernels as C (lane_prelude.h), a work-group's lanes one after
 * the other from barrier to barrier, and a look at everything that they read and write. A launch
 * fails where lanes of a group touch the same bytes between two barriers and one of them writes;
 * where groups touch the same bytes of global memory and one of them writes; where lanes wait at
 * different barriers, or some at none; where something outside the buffers and the local arrays is
 * touched. That holds for every order in which a GPU would run them, not for one alone. Memory that
 * nothing has written is NaNs. LANES=none goes without. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "../../src/engine/device/device_impl.h"
#include "testing.h"

enum { LANES = VC__LANES, STACK = 65536, MARGIN = 4096, MANY = -1, MOST_SPANS = 4096 };

#define LANES_FILE VC_LANE_PRELUDE
#define LANES_PRELUDE "#include \"" LANES_FILE "\"\n"

/* Who touched two bytes: a lane since the last barrier, a group in this launch; 0: nobody. */
typedef struct cell {
    uint32_t launch, tick;
    int32_t group_wrote, group_read;
    int16_t lane_wrote, lane_read;
} cell;

typedef struct piece {
    char *at;
    size_t bytes;
    cell *cells; /* NULL: where it begins and ends is all that is looked at */
    int is_local;
    struct piece *next;
} piece;

typedef struct lane_program {
    char *text; /* what it was made of */
    void *library;
    int *place;
    struct lane_program *next;
} lane_program;

typedef struct lane_kernel {
    const lane_program *program;
    void (*call)(const vc__argument *arguments);
    const char *kinds, *name;
} lane_kernel;

typedef struct lane_queue {
    lane_kernel *kernels[64];
    size_t kernel_count;
    int timing;
    double times[MOST_SPANS];
    size_t ops[MOST_SPANS], mark_count;
} lane_queue;

static struct {
    piece *pieces, *last; /* last: that was touched */
    lane_program *programs;
    uint32_t launch, tick;
    ucontext_t host, lanes[LANES];
    char stacks[LANES][STACK] __attribute__((aligned(64)));
    int waits_at[LANES]; /* the line of its barrier; 0: at its end */
    int lane, group;
    const lane_kernel *kernel;
    const vc__argument *arguments;
    size_t furthest; /* byte of memory without cells */
    char fault[256];
} lanes;

/* Ends the launch: what follows may be anything. */
static void lanes_fault(const char *what, size_t at)
{
    snprintf(lanes.fault, sizeof lanes.fault, "%s: group %d, lane %d %s (byte %zu)",
             lanes.kernel->name, lanes.group, lanes.lane, what, at);
    setcontext(&lanes.host);
}

/* ---- what is touched */

static piece *lanes_add(char *at, size_t bytes, int is_local)
{
    piece *made = calloc(1, sizeof *made);
    *made = (piece){at, bytes, calloc(bytes / 2 + 1, sizeof(cell)), is_local, lanes.pieces};
    return lanes.pieces = made;
}

static piece *lanes_find(const char *at, size_t bytes)
{
    piece *p = lanes.last;
    if (p && at >= p->at && at + bytes <= p->at + p->bytes)
        return p;
    for (p = lanes.pieces; p; p = p->next)
        if (at >= p->at && at + bytes <= p->at + p->bytes)
            return lanes.last = p;
    return NULL;
}

static int is_other(int32_t who, int32_t me)
{
    return who != 0 && who != me;
}

static void look_at(cell *c, const piece *p, size_t at, int writes)
{
    const int16_t lane = (int16_t)(lanes.lane + 1);
    const int32_t group = lanes.group + 1;
    if (c->launch != lanes.launch)
        *c = (cell){.launch = lanes.launch, .tick = lanes.tick};
    if (c->tick != lanes.tick) {
        c->tick = lanes.tick;
        c->lane_wrote = c->lane_read = 0;
    }
    if (is_other(c->lane_wrote, lane) || (writes && is_other(c->lane_read, lane)))
        lanes_fault(p->is_local
                        ? "touches local memory that another lane touches with no barrier "
                          "between them"
                        : "touches memory that another lane touches with no barrier between",
                    at);
    if (!p->is_local &&
        (is_other(c->group_wrote, group) || (writes && is_other(c->group_read, group))))
        lanes_fault("touches memory that another group touches", at);
    if (writes) {
        c->lane_wrote = lane;
        c->group_wrote = group;
    } else {
        c->lane_read = is_other(c->lane_read, lane) ? MANY : lane;
        c->group_read = is_other(c->group_read, group) ? MANY : group;
    }
}

static void lanes_touched(const void *address, unsigned long bytes, int writes)
{
    const char *at = address, *stacks = lanes.stacks[0];
    if (at >= stacks && at < stacks + sizeof lanes.stacks)
        return;
    const piece *p = lanes_find(at, bytes);
    if (!p) {
        lanes_fault("touches what is no memory of its own", (size_t)(uintptr_t)at);
        return;
    }
    const size_t first = (size_t)(at - p->at);
    if (!p->cells && first > lanes.furthest)
        lanes.furthest = first;
    for (size_t i = first / 2; p->cells && i < (first + bytes + 1) / 2; i++)
        look_at(&p->cells[i], p, 2 * i, writes);
}

/* ---- running */

/* Whose turn it is: the next lane's, or the first one's where all are at the same barrier. */
static const ucontext_t *lanes_turn(void)
{
    if (lanes.lane == LANES - 1) {
        for (int lane = 1; lane < LANES; lane++)
            if (lanes.waits_at[lane] != lanes.waits_at[0]) {
                lanes.lane = lane;
                lanes_fault("is not at the barrier of the first lane", 0);
            }
        if (lanes.waits_at[0] == 0)
            return &lanes.host;
        lanes.tick++;
        lanes.lane = -1;
    }
    lanes.kernel->program->place[0] = ++lanes.lane;
    return &lanes.lanes[lanes.lane];
}

static void lanes_wait(int line)
{
    const int lane = lanes.lane;
    lanes.waits_at[lane] = line;
    swapcontext(&lanes.lanes[lane], lanes_turn());
}

static void lanes_enter(void)
{
    lanes.kernel->call(lanes.arguments);
    lanes.waits_at[lanes.lane] = 0;
    setcontext(lanes_turn());
}

/* On its own, as getcontext counts as returning twice: compilers then distrust the variables of the
 * function that calls it. */
static void make_lane(int lane)
{
    ucontext_t *c = &lanes.lanes[lane];
    getcontext(c);
    c->uc_stack.ss_sp = lanes.stacks[lane];
    c->uc_stack.ss_size = STACK;
    makecontext(c, lanes_enter, 0);
}

static void run_group(size_t x, size_t y, size_t number)
{
    int *place = lanes.kernel->program->place;
    lanes.group = (int)number;
    place[0] = 0;
    place[1] = (int)x;
    place[2] = (int)y;
    for (piece *p = lanes.pieces; p; p = p->next)
        if (p->is_local)
            memset(p->at, 0xff, p->bytes);
    for (int lane = 0; lane < LANES; lane++)
        make_lane(lane);
    lanes.tick++;
    lanes.lane = 0;
    swapcontext(&lanes.host, &lanes.lanes[0]);
}

static vc_status lanes_launch(void *queue, const vc__kernel *kernel, const size_t groups[2],
                              const vc__argument *arguments, size_t count)
{
    static const char kinds[] = {
        [VC__MEMORY] = 'm', [VC__INT] = 'i', [VC__LONG] = 'l', [VC__FLOAT] = 'f'};
    (void)queue;
    lanes.kernel = kernel->handle;
    lanes.arguments = arguments;
    lanes.launch++;
    if (count != strlen(lanes.kernel->kinds))
        return vc_fail(VC_EINVAL, "%s: %zu arguments", kernel->name, count);
    for (size_t i = 0; i < count; i++)
        if (kinds[arguments[i].kind] != lanes.kernel->kinds[i])
            return vc_fail(VC_EINVAL, "%s: argument %zu is of another kind", kernel->name, i);
    for (size_t y = 0; y < groups[1]; y++)
        for (size_t x = 0; x < groups[0] && !lanes.fault[0]; x++)
            run_group(x, y, y * groups[0] + x);
    const vc_status status = lanes.fault[0] ? vc_fail(VC_EINVAL, "%s", lanes.fault) : VC_OK;
    lanes.fault[0] = '\0';
    return status;
}

/* ---- compiling */

/* For each kernel a function that takes its arguments from a list, and their kinds. */
static void write_calls(FILE *out, const char *source)
{
    static const char start[] = "KERNEL(LANES) void ";
    for (const char *at = source; (at = strstr(at, start));) {
        at += strlen(start);
        const int length = (int)strcspn(at, "(");
        const char *name = at;
        char kinds[64] = "", comma = '(';
        fprintf(out,
                "UNSEEN __attribute__((visibility(\"default\"))) void call_%.*s(const argument"
                " *a)\n{\n    %.*s",
                length, name, length, name);
        for (size_t i = 0; *at != ')'; i++) {
            at += strcspn(at, "(,") + 1;
            const size_t end = strcspn(at, ",)");
            at += strspn(at, " \n");
            kinds[i] = memchr(at, '*', end)            ? 'm'
                       : strncmp(at, "long ", 5) == 0  ? 'l'
                       : strncmp(at, "float ", 6) == 0 ? 'f'
                                                       : 'i';
            fprintf(out, "%c%s", comma, kinds[i] == 'm' ? "(void *)" : "");
            fprintf(out, "a[%zu].%s", i,
                    kinds[i] == 'm'   ? "memory"
                    : kinds[i] == 'l' ? "wide"
                    : kinds[i] == 'f' ? "real"
                                      : "number");
            comma = ',';
            at += strcspn(at, ",)");
        }
        fprintf(out,
                ");\n}\n__attribute__((visibility(\"default\"))) const char kinds_%.*s[] = "
                "\"%s\";\n",
                length, name, kinds);
    }
}

static void *symbol_of(const lane_program *p, const char *prefix, const char *name)
{
    char text[128];
    snprintf(text, sizeof text, "%s%s", prefix, name);
    return dlsym(p->library, text);
}

static void open_program(lane_program *p, const char *file)
{
    char *(*local)(unsigned long *);
    void *touch, *meet, *get;
    unsigned long bytes;
    p->library = dlopen(file, RTLD_NOW);
    if (!p->library)
        fail_msg("%s", dlerror());
    p->place = symbol_of(p, "lanes_", "place");
    touch = symbol_of(p, "lanes_", "touch");
    meet = symbol_of(p, "lanes_", "meet");
    get = symbol_of(p, "lanes_", "local");
    *(void (**)(const void *, unsigned long, int))touch = lanes_touched;
    *(void (**)(int))meet = lanes_wait;
    memcpy(&local, &get, sizeof local);
    char *at = local(&bytes);
    lanes_add(at, bytes, 1);
}

static void compile(lane_program *p, const char *const *sources, size_t count, const char *defines)
{
    char folder[] = "/tmp/lanes-XXXXXX", file[64], command[512];
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/kernels.c", folder);
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs(p->text, out);
    for (size_t i = 0; i < count; i++)
        write_calls(out, sources[i]);
    fclose(out);
    snprintf(command, sizeof command,
             "cd %s && cc -std=gnu11 -O1 -w -fPIC -fvisibility=hidden -fsanitize=thread %s "
             "-c kernels.c && cc -shared -o kernels.so kernels.o -lm",
             folder, defines);
    if (system(command) != 0)
        fail_msg("cc does not compile the kernels");
    snprintf(file, sizeof file, "%s/kernels.so", folder);
    open_program(p, file);
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command) != 0)
        fail_msg("%s is not removed", folder);
}

/* Once for each text, until the test ends. */
static vc_status lanes_build(void **program, void *queue, const char *const *sources, size_t count,
                             const char *defines)
{
    size_t length = strlen(defines) + 8;
    (void)queue;
    for (size_t i = 0; i < count; i++)
        length += strlen(sources[i]);
    char *text = calloc(length, 1);
    sprintf(text, "//%s\n", defines);
    for (size_t i = 0; i < count; i++)
        strcat(text, sources[i]);
    for (lane_program *p = lanes.programs; p; p = p->next)
        if (strcmp(p->text, text) == 0) {
            free(text);
            *program = p;
            return VC_OK;
        }
    lane_program *made = calloc(1, sizeof *made);
    made->text = text;
    made->next = lanes.programs;
    *program = lanes.programs = made;
    compile(made, sources, count, defines);
    return VC_OK;
}

static vc_status lanes_kernel(vc__kernel *out, void *queue, void *program, const char *name)
{
    lane_queue *q = queue;
    lane_kernel *made = calloc(1, sizeof *made);
    void *call = symbol_of(program, "call_", name);
    *made = (lane_kernel){
        .program = program, .kinds = symbol_of(program, "kinds_", name), .name = name};
    memcpy(&made->call, &call, sizeof made->call);
    q->kernels[q->kernel_count++] = made;
    *out = (vc__kernel){name, made};
    return call ? VC_OK : vc_fail(VC_EINVAL, "there is no kernel '%s'", name);
}

/* ---- the rest of a runtime */

static vc_status lanes_open(void **out, size_t index, vc_device_info *info)
{
    const char *wanted = getenv("LANES");
    *out = NULL;
    if (index > 0)
        return vc_fail(VC_EINVAL, "there is no device lanes:%zu, wanted 0 to 0", index);
    if (access(LANES_FILE, R_OK) != 0 || (wanted && strcmp(wanted, "none") == 0))
        return vc_fail(VC_EUNSUPPORTED, "lanes: not wanted, or no sources: %s", LANES_FILE);
    *info = (vc_device_info){.backend = "lanes",
                             .name = "lanes one by one",
                             .kind = "cpu",
                             .memory_bytes = (uint64_t)1 << 30};
    *out = calloc(1, sizeof(lane_queue));
    return VC_OK;
}

static void lanes_close(void *queue)
{
    lane_queue *q = queue;
    for (size_t i = 0; i < q->kernel_count; i++)
        free(q->kernels[i]);
    free(q);
}

static vc_status lanes_allocate(vc__memory *out, void *queue, size_t bytes, const void *from)
{
    (void)queue;
    char *at = malloc(bytes + (size_t)2 * MARGIN);
    memset(at, 0xff, bytes + (size_t)2 * MARGIN);
    if (from)
        memcpy(at + MARGIN, from, bytes);
    lanes_add(at + MARGIN, bytes, 0);
    *out = (vc__memory){(uint64_t)(uintptr_t)(at + MARGIN), bytes};
    return VC_OK;
}

static void lanes_release(void *queue, vc__memory memory)
{
    (void)queue;
    for (piece **p = &lanes.pieces; *p; p = &(*p)->next)
        if ((uint64_t)(uintptr_t)(*p)->at == memory.handle) {
            piece *gone = *p;
            *p = gone->next;
            free(gone->at - MARGIN);
            free(gone->cells);
            free(gone);
            break;
        }
    lanes.last = NULL;
}

static vc_status lanes_read(void *queue, void *to, vc__memory from, size_t bytes)
{
    (void)queue;
    if (bytes > from.bytes)
        return vc_fail(VC_EINVAL, "%zu bytes of %zu", bytes, from.bytes);
    memcpy(to, (const void *)(uintptr_t)from.handle, bytes);
    return VC_OK;
}

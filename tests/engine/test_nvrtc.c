/* NVRTC compiles every kernel for every architecture: a table of registers of a lane and shared
 * memory of a work-group, as the machine code says. Skipped where NVRTC is not found (VC_NVRTC
 * names its file), and for architectures that it does not know. */
#include <elf.h>
#include <stdlib.h>

#include "../../src/engine/device/cuda_impl.h"
#include "testing.h"

extern const char vc__cuda_prelude[], vc__common_cl[], vc__rows_cl[], vc__product_cl[],
    vc__attention_cl[], vc__apart_cl[], vc__pool_cl[];

static const char *const of_rows[] = {vc__cuda_prelude, vc__common_cl, vc__rows_cl, vc__product_cl},
                         *const of_heads[] = {vc__cuda_prelude, vc__common_cl, vc__attention_cl,
                                              vc__apart_cl, vc__pool_cl};
static const int architectures[] = {53, 62, 72, 87, 90};

typedef struct unit {
    const char *const *sources;
    const char *defines;
    size_t kernels;
} unit;

/* DeiT's heads, and LeViT's; a precision each. */
static const unit units[] = {{of_rows, "-DNARROW=3", 14},
                             {of_rows, "-DNARROW=1", 14},
                             {of_heads, "-DNARROW=1 -DHEAD_DIM=64 -DVALUE_DIM=64", 6},
                             {of_heads, "-DNARROW=1 -DHEAD_DIM=32 -DVALUE_DIM=128", 6}};

/* ---- machine code, which is an ELF file */

typedef struct code {
    const char *bytes;
    const Elf64_Shdr *sections;
    size_t count;
    const char *names;
} code;

static code open_code(const void *bytes)
{
    const Elf64_Ehdr *head = bytes;
    code c = {.bytes = bytes, .count = head->e_shnum};
    assert_memory_equal(head->e_ident, ELFMAG, SELFMAG);
    c.sections = (const void *)(c.bytes + head->e_shoff);
    c.names = c.bytes + c.sections[head->e_shstrndx].sh_offset;
    return c;
}

static const Elf64_Shdr *section(const code *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->names + c->sections[i].sh_name, name) == 0)
            return &c->sections[i];
    return NULL;
}

static const char *symbol(const code *c, uint32_t index)
{
    const Elf64_Shdr *symbols = section(c, ".symtab");
    assert_non_null(symbols);
    const Elf64_Sym *all = (const void *)(c->bytes + symbols->sh_offset);
    return c->bytes + c->sections[symbols->sh_link].sh_offset + all[index].st_name;
}

/* Prints what each kernel takes; the number of kernels. */
static size_t print_kernels(const code *c, int architecture)
{
    enum { SIZED = 4, REGISTERS = 0x2f };
    const Elf64_Shdr *info = section(c, ".nv.info");
    size_t kernels = 0;
    assert_non_null(info);
    const char *at = c->bytes + info->sh_offset, *end = at + info->sh_size;
    while (at < end) {
        const unsigned char format = (unsigned char)at[0], attribute = (unsigned char)at[1];
        uint16_t size;
        uint32_t values[2];
        char shared[128];
        memcpy(&size, at + 2, sizeof size);
        at += 4;
        if (format != SIZED)
            continue;
        if (attribute == REGISTERS) {
            memcpy(values, at, sizeof values);
            const char *name = symbol(c, values[0]);
            snprintf(shared, sizeof shared, ".nv.shared.%s", name);
            const Elf64_Shdr *room = section(c, shared);
            printf("# sm_%d  %-16s %3u registers  %6zu bytes\n", architecture, name, values[1],
                   room ? (size_t)room->sh_size : 0);
            assert_in_range(values[1], 1, 255);
            assert_true(!room || room->sh_size <= 49152);
            kernels++;
        }
        at += size;
    }
    return kernels;
}

static void every_kernel(void **state)
{
    int major, minor;
    size_t compiled = 0;
    (void)state;
    setenv("XDG_CACHE_HOME", "/proc/none", 1); /* all of it is compiled */
    if (vc__cu_compiler_version(&major, &minor, 0) != VC_OK) {
        printf("# skipped: %s\n", vc_last_error());
        skip();
    }
    printf("# NVRTC %d.%d\n", major, minor);
    for (size_t a = 0; a < sizeof architectures / sizeof *architectures; a++)
        for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
            const int architecture = architectures[a];
            void *image;
            size_t bytes;
            const vc_status status = vc__cu_compile(&image, &bytes, units[u].sources,
                                                    units[u].sources == of_rows ? 4 : 5,
                                                    units[u].defines, architecture, 0);
            if (status != VC_OK && strstr(vc_last_error(), "has nothing for")) {
                printf("# skipped: %s\n", vc_last_error());
                break;
            }
            if (status != VC_OK)
                fail_msg("%s", vc_last_error());
            if (memcmp(image, ELFMAG, SELFMAG) == 0) { /* else PTX */
                const code c = open_code(image);
                printf("# %s\n", units[u].defines);
                assert_int_equal(print_kernels(&c, architecture), units[u].kernels);
            }
            free(image);
            compiled++;
        }
    assert_true(compiled > 0);
}

/* What the compiler says is in the message. */
static void refusals(void **state)
{
    static const char *const wrong[] = {vc__cuda_prelude, "KERNEL(64) void f() { no_such(); }"};
    void *image;
    size_t bytes;
    int major, minor;
    (void)state;
    if (vc__cu_compiler_version(&major, &minor, 0) != VC_OK)
        skip();
    assert_fails(vc__cu_compile(&image, &bytes, wrong, 2, "-DNARROW=1", 90, 0), VC_EUNSUPPORTED,
                 "identifier \"no_such\" is undefined");
    assert_fails(vc__cu_compile(&image, &bytes, wrong, 2, "-DNARROW=1", 20, 0), VC_EUNSUPPORTED,
                 "has nothing for sm_20");
    setenv("VC_NVRTC", "/proc/none", 1);
    assert_fails(vc__cu_compile(&image, &bytes, wrong, 2, "", 90, 0), VC_EUNSUPPORTED,
                 "CUDA's compiler is not there");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kernel), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

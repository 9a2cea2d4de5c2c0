/* The pickle reader on bytes written by hand: what it makes of each opcode, and what it refuses. */
#include "../../src/core/pickle_impl.h"
#include "pickling.h"

static vc__pool pool;

static int close_pool(void **state)
{
    (void)state;
    vc__pool_close(&pool);
    return 0;
}

static const vc__value *reads(const void *data, size_t count)
{
    /* A copy of exactly this size: a sanitizer sees a byte read beyond it. */
    unsigned char *copy = malloc(count);
    vc__pickle made;
    assert_non_null(copy);
    memcpy(copy, data, count);
    assert_ok(vc__pickle_read(&made, &pool, "p", copy, count, 0));
    free(copy);
    return made.top;
}

static void refuses_bytes(const void *data, size_t count, const char *message)
{
    unsigned char *copy = malloc(count + (count == 0));
    vc__pickle made;
    assert_non_null(copy);
    if (count > 0)
        memcpy(copy, data, count);
    vc_status status = vc__pickle_read(&made, &pool, "p", copy, count, 0);
    free(copy);
    assert_null(made.top);
    assert_fails(status, VC_EFORMAT, message);
    assert_non_null(strstr(vc_last_error(), "p: at byte "));
}

/* Literals begin behind PROTO 2. */
#define READS(literal) reads("\x80\2" literal, sizeof("\x80\2" literal) - 1)
#define REFUSES(literal, message)                                                                  \
    refuses_bytes("\x80\2" literal, sizeof("\x80\2" literal) - 1, message)

static void reads_numbers(void **state)
{
    (void)state;
    assert_int_equal(READS("K\xff.")->integer, 255);
    assert_int_equal(READS("M\xff\xfe.")->integer, 0xfeff);
    assert_int_equal(READS("J\xff\xff\xff\xff.")->integer, -1);
    assert_int_equal(READS("\x8a\0.")->integer, 0);
    assert_int_equal(READS("\x8a\1\x80.")->integer, -128);
    assert_int_equal(READS("\x8a\2\x80\0.")->integer, 128);
    assert_int_equal(READS("\x8a\x08\0\0\0\0\0\0\0\x80.")->integer, INT64_MIN);
    assert_int_equal(READS("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\0.")->kind, VC__LONG);
    assert_int_equal(READS("\x8b\1\0\0\0\5.")->integer, 5);
    assert_int_equal(READS("G\xbf\xf8\0\0\0\0\0\0.")->kind,
                     VC__REAL); /* and all of its bytes are taken */
    assert_int_equal(READS("\x88.")->integer, 1);
    assert_int_equal(READS("\x89.")->kind, VC__BOOL);
    assert_int_equal(READS("N.")->kind, VC__NONE);
}

static void reads_texts(void **state)
{
    (void)state;
    assert_string_equal(READS("X\3\0\0\0a\xc3\xbc.")->text, "a\xc3\xbc");
    assert_string_equal(READS("\x8c\4\xf0\x9f\x98\x80.")->text, "\xf0\x9f\x98\x80");
    assert_string_equal(READS("\x8d\1\0\0\0\0\0\0\0a.")->text, "a");
    assert_string_equal(READS("U\2ab.")->text, "ab");
    assert_int_equal(READS("T\2\0\0\0\xff\0.")->kind, VC__BYTES);
    assert_int_equal(READS("C\2\xff\0.")->kind, VC__BYTES);
    assert_int_equal(READS("B\1\0\0\0a.")->kind, VC__BYTES);
    assert_int_equal(READS("\x8e\1\0\0\0\0\0\0\0a.")->kind, VC__BYTES);
}

static void reads_containers(void **state)
{
    (void)state;
    const vc__value *v = READS("](K\1K\2eK\3a.");
    assert_int_equal(v->kind, VC__LIST);
    assert_int_equal(v->count, 3);
    assert_int_equal(v->items[2]->integer, 3);
    v = READS("}(\x8c\1aK\1\x8c\1bK\2u\x8c\1aK\3s.");
    assert_int_equal(v->count, 6);
    assert_int_equal(vc__dict_find(v, "a")->integer, 3); /* the latest */
    assert_int_equal(vc__dict_find(v, "b")->integer, 2);
    assert_null(vc__dict_find(v, "c"));
    v = READS("K\1K\2K\3\x87.");
    assert_int_equal(v->kind, VC__TUPLE);
    assert_int_equal(v->items[0]->integer, 1);
    assert_int_equal(READS("(K\1K\2K\3K\4t.")->count, 4);
    assert_int_equal(READS(").")->count, 0);
    assert_int_equal(READS("(t.")->count, 0);
    assert_int_equal(READS("\x8f(K\1\x90.")->count, 1);
    assert_int_equal(READS("K\1(K\2K\0031.")->integer, 1); /* POP_MARK */
    assert_int_equal(READS("K\1K\0020.")->integer, 1);     /* POP */
}

static void reads_through_the_memo(void **state)
{
    (void)state;
    const vc__value *v = READS("]q\0(h\0j\0\0\0\0e.");
    assert_ptr_equal(v->items[0], v); /* a list of itself */
    assert_ptr_equal(v->items[1], v);
    v = READS("K\7\x94K\x08r\1\0\0\0h\0\x87.");
    assert_int_equal(v->items[2]->integer, 7);
}

static void reads_what_torch_names(void **state)
{
    (void)state;
    assert_int_equal(READS("ccollections\nOrderedDict\n)R}b.")->kind, VC__DICT);
    assert_int_equal(READS("\x8c\13collections\x8c\13OrderedDict\x93)R.")->kind, VC__DICT);
    assert_int_equal(READS("cargparse\nNamespace\n)\x81}\x8c\1aK\1sb.")->kind, VC__OBJECT);
    assert_int_equal(READS("ctorch\nSize\n(K\1K\2t\x85R.")->count, 2);
    assert_int_equal(READS("ctorch\ndevice\n\x8c\4cudaK\1\x86R.")->kind, VC__OBJECT);
    assert_int_equal(READS("ctorch\nfloat16\n.")->kind, VC__GLOBAL);
    bytes b = pickled_tensor((tensor_words){"0", 6, 1, 2, {2, 2}, {3, 1}});
    const vc__value *w = vc__dict_find(reads(b.data, b.count), "w");
    free(b.data);
    assert_int_equal(w->kind, VC__TENSOR);
    assert_int_equal(w->items[VC__TENSOR_OFFSET]->integer, 1);
    assert_int_equal(w->items[VC__TENSOR_STRIDES]->items[0]->integer, 3);
    const vc__value *storage = w->items[VC__TENSOR_STORAGE];
    assert_int_equal(storage->items[VC__STORAGE_COUNT]->integer, 6);
    assert_int_equal(storage->items[VC__STORAGE_TYPE]->global->dtype, VC_F32);
}

static void refuses_what_would_run_code(void **state)
{
    (void)state;
    REFUSES("cos\nsystem\n\x8c\2id\x85R.", "'os.system', which no state dict needs");
    REFUSES("cposix\nsystem\n\x8c\2id\x85R.", "'posix.system'");
    REFUSES("\x8c\2os\x8c\6system\x93\x8c\2id\x85R.", "'os.system', which no state dict needs");
    REFUSES("cbuiltins\neval\n\x8c\1"
            "1\x85R.",
            "'builtins.eval'");
    REFUSES("c__builtin__\nexec\n\x8c\1"
            "1\x85R.",
            "'__builtin__.exec'");
    REFUSES("c__builtin__\ngetattr\n.", "'__builtin__.getattr'");
    REFUSES("csubprocess\nPopen\n\x8c\2id\x85R.", "'subprocess.Popen'");
    REFUSES("ctorch.serialization\nload\n\x8c\1x\x85R.", "'torch.serialization.load'");
    REFUSES("ctorch\nload\n\x8c\1x\x85R.", "'torch.load'");
    REFUSES("ctorch.storage\n_load_from_bytes\n.", "'torch.storage._load_from_bytes'");
    REFUSES("ctorch._utils\n_rebuild_tensor_v2.__globals__\n.", "__globals__'");
    REFUSES("ccollections\nOrderedDict.__init__\n.", "'collections.OrderedDict.__init__'");
    REFUSES("cos\x1b[31m\nsystem\n.", "not plain text");
    REFUSES("(\x8c\2idios\nsystem\n.", "opcode INST, which no state dict needs");
    REFUSES("(cargparse\nNamespace\no.", "opcode OBJ, which no state dict needs");
    REFUSES("cargparse\nNamespace\n)}\x92.", "opcode NEWOBJ_EX, which no state dict needs");
    REFUSES("\x82\1.", "opcode EXT1");
    REFUSES("P0\n.", "opcode PERSID");
    REFUSES("\x97.", "opcode NEXT_BUFFER");
    REFUSES("\xff.", "unknown opcode 0xff");
}

/* What stands beside weights becomes an object without anything in it. */
static void reads_over_what_is_inert(void **state)
{
    (void)state;
    assert_int_equal(READS("cnumpy.core.multiarray\nscalar\nK\1\x85R.")->kind, VC__OBJECT);
    assert_int_equal(READS("cnumpy\ndtype\n\x8c\2f8\x85RK\1\x85"
                           "b.")
                         ->kind,
                     VC__ARRAY_TYPE);
    assert_int_equal(READS("cpathlib\nPosixPath\n)\x81.")->kind, VC__OBJECT);
    assert_int_equal(READS("ccollections\nCounter\n}\x85RK\1K\2s.")->count, 2);
    assert_int_equal(READS("cbuiltins\nset\n]K\1a\x85R.")->kind, VC__LIST);
    assert_int_equal(READS("(K\1\x91.")->kind, VC__TUPLE);
    assert_int_equal(READS("\x96\2\0\0\0\0\0\0\0\xff\0.")->kind, VC__BYTES);
}

static void bytes_of_protocol_2(void **state)
{
    (void)state;
    const vc__value *v = READS("c_codecs\nencode\n\x8c\7a\0\xc2\x80\xc3\xbf"
                               "b\x8c\6latin1\x86R.");
    assert_int_equal(v->kind, VC__BYTES);
    assert_int_equal(v->count, 5);
    assert_memory_equal(v->text,
                        "a\0\x80\xff"
                        "b",
                        5);
    REFUSES("c_codecs\nencode\n\x8c\2\xc4\x80\x8c\6latin1\x86R.", "characters of latin1");
    REFUSES("]c_codecs\nencode\nq\0\x8c\x20"
            "0123456789abcdef0123456789abcdef\x8c\6latin1\x86q\1Rah\0h\1Rah\0h\1Rah\0h\1Ra.",
            "again and again");
}

static void arrays_of_protocol_5(void **state)
{
    (void)state;
    const vc__value *v = READS("cnumpy._core.numeric\n_frombuffer\n(C\2\1\2cnumpy\ndtype\n"
                               "\x8c\2u1\x85RK\1K\2\x86\x8c\1CtR.");
    assert_int_equal(v->kind, VC__ARRAY);
    assert_int_equal(v->count, VC__ARRAY_ITEMS);
    assert_string_equal(v->items[VC__ARRAY_DTYPE]->text, "u1");
    assert_int_equal(v->items[VC__ARRAY_SHAPE]->items[1]->integer, 2);
    assert_int_equal(v->items[VC__ARRAY_FORTRAN]->integer, 0);
    assert_memory_equal(v->items[VC__ARRAY_BYTES]->text, "\1\2", 2);
}

static void refuses_wrong_calls(void **state)
{
    (void)state;
    REFUSES("K\1)R.", "a call of an integer, wanted a function");
    REFUSES("ctorch\nfloat32\n)R.", "'torch.float32', which is no function");
    REFUSES("ctorch\nFloatStorage\n)R.", "'torch.FloatStorage', which is no function");
    REFUSES("ccollections\nOrderedDict\n]R.", "a call with a list, wanted a tuple");
    REFUSES("ccollections\nOrderedDict\n]\x85R.", "other arguments than ()");
    REFUSES("cargparse\nNamespace\nK\1\x85\x81.", "other arguments than ()");
    REFUSES("ccollections\nOrderedDict\n)\x81.", "a new 'collections.OrderedDict'");
    REFUSES("ctorch\nSize\n\x8c\1a\x85\x85R.", "a tuple of integers");
    REFUSES("ctorch\ndevice\n)R.", "a string and perhaps an integer");
    REFUSES("ctorch._utils\n_rebuild_tensor\n)R.", "other arguments than four");
    REFUSES("ctorch._utils\n_rebuild_tensor\n(K\1K\1K\1K\1tR.", "a storage, an offset");
    REFUSES("ctorch._utils\n_rebuild_tensor_v2\n(K\1K\1K\1K\1tR.", "six or seven");
    REFUSES("ctorch._utils\n_rebuild_parameter\nK\1\x89}\x87R.", "a tensor, requires_grad");
    REFUSES("\x8c\1aQ.", "stored outside the pickle");
    REFUSES("(\x8c\7storagectorch\nSize\n\x8c\1"
            "0\x8c\3cpuK\1tQ.",
            "stored outside the pickle");
    REFUSES("K\1}b.", "attributes for an integer");
    REFUSES("ccollections\nOrderedDict\n)RK\1b.", "attributes from an integer, wanted a dict");
    REFUSES("cnumpy\nndarray\n)R.", "a call of 'numpy.ndarray', which is no function");
    REFUSES("c_codecs\nencode\nK\1\x85R.", "'_codecs.encode' is called with other arguments");
    REFUSES("\x8c\2osK\1\x93.", "a name made of a string and an integer");
}

static void refuses_what_is_cut_off_or_unbalanced(void **state)
{
    (void)state;
    refuses_bytes("", 0, "no pickle of protocol 2 to 5");
    refuses_bytes("}.", 2, "no pickle of protocol 2 to 5");
    refuses_bytes("\x80\6}.", 4, "protocol 6, wanted 2 to 5");
    REFUSES("\x80\2}.", "protocol 2, wanted 2 to 5 and that once");
    REFUSES("", "no STOP");
    REFUSES("}", "no STOP");
    REFUSES(".", "ends with 0 values");
    REFUSES("}}.", "ends with 2 values");
    REFUSES("(}.", "ends with 1 values");
    REFUSES("}.}", "1 bytes left over");
    REFUSES("0", "a value is taken where none is");
    REFUSES("K\1(0", "a value is taken where none is"); /* not across a mark */
    REFUSES("K\1(\x85", "a tuple of 1 where 0 values are");
    REFUSES("t", "the end of something that has not begun");
    REFUSES("}u", "the end of something that has not begun");
    REFUSES("}(K\1u", "a dict's last key has no value");
    REFUSES("K\1(K\1e", "entries for an integer, wanted a list");
    REFUSES("]K\1K\1s", "entries for a list, wanted a dict");
    REFUSES("(u", "a value is taken where none is"); /* nothing yet, not even a stack */
    REFUSES("h\0", "memo entry 0 is wanted where 0 are");
    REFUSES("]r\xff\xff\xff\xff", "memo entry 4294967295 is set where 0 comes next");
    REFUSES("j\xff\xff\xff\xff", "memo entry 4294967295 is wanted");
    REFUSES("q\0", "a value is taken where none is");
    REFUSES("X\xff\xff\xff\xff"
            "a",
            "wants 4294967295 bytes where 1 are left");
    REFUSES("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
            "a",
            "where 1 are left");
    REFUSES("\x8b\xff\xff\xff\x7f"
            "a",
            "an integer of 2147483647 bytes");
    REFUSES("\x8b\xff\xff\xff\xff"
            "a",
            "an integer of 4294967295 bytes");
    REFUSES("\x8a\x09"
            "a",
            "wants 9 bytes where 1 are left");
    REFUSES("\x95\xff\0\0\0\0\0\0\0.", "a frame of 255 bytes");
    REFUSES("cos", "a name without an end");
    REFUSES("G\0", "wants 8 bytes");
    REFUSES("\x8c\2\xc3\x28.", "not UTF-8");
    REFUSES("\x8c\2\xc0\x80.", "not UTF-8");         /* overlong */
    REFUSES("\x8c\3\xed\xa0\x80.", "not UTF-8");     /* a surrogate */
    REFUSES("\x8c\4\xf4\x90\x80\x80.", "not UTF-8"); /* above U+10FFFF */
    REFUSES("\x8c\1\xe2.", "not UTF-8");
    assert_int_equal(READS("\x8c\3a\0b.")->kind, VC__CHARACTERS);
}

static bytes repeated(const char *opcodes, size_t times, const char *end)
{
    bytes b = {0};
    put_ops(&b, "\x80\2");
    for (size_t i = 0; i < times; i++)
        put(&b, opcodes, strlen(opcodes));
    put(&b, end, strlen(end));
    return b;
}

static void depth_and_number_are_bounded(void **state)
{
    (void)state;
    bytes b = repeated("(", 1000000, ".");
    refuses_bytes(b.data, b.count, "nested more than 1000 deep");
    free(b.data);
    b = repeated("]", 1 << 21, ".");
    refuses_bytes(b.data, b.count, "more than 1048576 unfinished values");
    free(b.data);
    b = repeated("]0", (8 << 20) + 1, ".");
    refuses_bytes(b.data, b.count, "more than 8388608 values");
    free(b.data);
}

/* A million nested lists, which nothing ever unfolds. */
static void depth_without_marks_costs_nothing(void **state)
{
    (void)state;
    bytes b = repeated("]", 1000000, "");
    for (int i = 1; i < 1000000; i++)
        put_ops(&b, "a");
    put_ops(&b, ".");
    assert_int_equal(reads(b.data, b.count)->count, 1);
    free(b.data);
}

/* Each list holds the previous one ten times, which would be 10^200 values if they were copied. */
static void values_are_shared_not_multiplied(void **state)
{
    (void)state;
    bytes b = {0};
    put_ops(&b, "\x80\2]q\0"
                "0");
    for (unsigned i = 0; i < 200; i++) {
        put_ops(&b, "](");
        for (int k = 0; k < 10; k++) {
            put_ops(&b, "h");
            put_uint(&b, i, 1);
        }
        put_ops(&b, "eq");
        put_uint(&b, i + 1, 1);
        put_ops(&b, "0");
    }
    put_ops(&b, "h\xc8.");
    assert_int_equal(reads(b.data, b.count)->count, 10);
    free(b.data);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, close_pool)
    const struct CMUnitTest tests[] = {
        CASE(reads_numbers),
        CASE(reads_texts),
        CASE(reads_containers),
        CASE(reads_through_the_memo),
        CASE(reads_what_torch_names),
        CASE(refuses_what_would_run_code),
        CASE(reads_over_what_is_inert),
        CASE(bytes_of_protocol_2),
        CASE(arrays_of_protocol_5),
        CASE(refuses_wrong_calls),
        CASE(refuses_what_is_cut_off_or_unbalanced),
        CASE(depth_and_number_are_bounded),
        CASE(depth_without_marks_costs_nothing),
        CASE(values_are_shared_not_multiplied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The checksum of 64 bits: every bit, sizes, and going on from what came before. */
#include "testing.h"
#include "vitcod/checksum.h"

enum { BYTES = 200 };

static void every_bit(void **state)
{
    (void)state;
    unsigned char data[BYTES + 64] = {0};
    for (size_t i = 0; i < BYTES; i++)
        data[i] = (unsigned char)(i * 37);
    for (size_t bytes = 1; bytes <= BYTES; bytes++) {
        const uint64_t sum = vc_checksum_wide(0, data, bytes);
        for (size_t bit = 0; bit < bytes * 8; bit++) {
            data[bit / 8] ^= (unsigned char)(1u << bit % 8);
            assert_true(vc_checksum_wide(0, data, bytes) != sum);
            data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
        assert_true(vc_checksum_wide(1, data, bytes) != sum);
        assert_true(vc_checksum_wide(0, data, bytes + 1) != sum);
        data[bytes] ^= 1; /* beyond the end */
        assert_true(vc_checksum_wide(0, data, bytes) == sum);
        data[bytes] ^= 1;
    }
}

/* Two that the sum must not lose: the highest bits of two words that go into one lane, and words
 * that change places. */
static void two_changes(void **state)
{
    (void)state;
    unsigned char data[256] = {0};
    data[20] = 9;
    const uint64_t sum = vc_checksum_wide(0, data, sizeof data);
    for (size_t a = 7; a < sizeof data; a += 8)
        for (size_t b = a + 8; b < sizeof data; b += 8) {
            data[a] ^= 0x80, data[b] ^= 0x80;
            assert_true(vc_checksum_wide(0, data, sizeof data) != sum);
            data[a] ^= 0x80, data[b] ^= 0x80;
        }
    for (size_t b = 28; b < sizeof data; b += 8) {
        data[20] = 0, data[b] = 9;
        assert_true(vc_checksum_wide(0, data, sizeof data) != sum);
        data[20] = 9, data[b] = 0;
    }
}

/* Files keep it: it is the same for every build. By integers of Python, one word at a time. */
static void what_it_is(void **state)
{
    (void)state;
    unsigned char data[100];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)i;
    assert_int_equal(vc_checksum_wide(0, data, 0), vc_checksum_wide(0, NULL, 0));
    assert_int_equal(vc_checksum_wide(vc_checksum_wide(0, data, 64), data + 64, 36),
                     0x5532a4df5f7b256fu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_bit), cmocka_unit_test(two_changes),
                                       cmocka_unit_test(what_it_is)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

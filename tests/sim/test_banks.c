/* Calendars of banks: what they grant never overlaps, but where the same token is read at once. */
#include "testing.h"
#include "vitcod/rng.h"

#include "../../src/sim/chip_impl.h"

static vc__banks open_banks(uint64_t count, uint64_t cycles)
{
    vc_chip_config c = vc_chip_config_default();
    vc__banks banks;
    c.buffers[VC_BUFFER_QUERY].banks = count;
    assert_ok(vc__banks_open(&banks, &c));
    vc__banks_clear(&banks, count, cycles);
    return banks;
}

/* Two banks, three cycles for a token. Token 0 from 5 to 8; token 2 waits for it; token 0 is heard
 * where it is read, or read again; token 4 finds room before them at 2, and none at 3. */
static void by_hand(void **state)
{
    (void)state;
    vc__banks b = open_banks(2, 3);
    assert_int_equal(vc__banks_read(&b, 0, 5, 0), 5);
    assert_int_equal(vc__banks_read(&b, 0, 6, 1), 6);
    assert_int_equal(vc__banks_read(&b, 0, 5, 2), 8);
    assert_int_equal(vc__banks_read(&b, 0, 4, 0), 5);
    assert_int_equal(vc__banks_read(&b, 0, 6, 0), 11);
    assert_int_equal(vc__banks_read(&b, 0, 2, 4), 2);
    assert_int_equal(vc__banks_read(&b, 0, 3, 4), 14);
    vc__banks_close(&b);
}

/* Many reads, of which none may begin while another token of its bank is read. */
static void nothing_overlaps(void **state)
{
    (void)state;
    enum { READS = 3000, CYCLES = 8, BANKS = 5, TOKENS = 31 };
    static uint64_t start[READS];
    static size_t token[READS];
    vc_rng rng = vc_rng_open(1, 2, 3);
    vc__banks b = open_banks(BANKS, CYCLES);
    for (size_t i = 0; i < READS; i++) {
        const uint64_t now = i * 3, wanted = now + vc_rng_below(&rng, 40);
        token[i] = (size_t)vc_rng_below(&rng, TOKENS);
        start[i] = vc__banks_read(&b, now, wanted, token[i]);
        assert_true(start[i] >= wanted);
        for (size_t j = 0; j < i; j++)
            if (token[j] % BANKS == token[i] % BANKS && start[j] < start[i] + CYCLES &&
                start[i] < start[j] + CYCLES)
                assert_true(token[j] == token[i] && start[j] == start[i]);
    }
    vc__banks_close(&b);
}

/* What is granted at once is what would be granted. */
static void at_once(void **state)
{
    (void)state;
    enum { READS = 3000, CYCLES = 8, BANKS = 5, TOKENS = 31 };
    vc_rng rng = vc_rng_open(4, 5, 6);
    vc__banks one = open_banks(BANKS, CYCLES), other = open_banks(BANKS, CYCLES);
    size_t times = 0;
    for (size_t i = 0; i < READS; i++) {
        const uint64_t now = i * 3, wanted = now + vc_rng_below(&rng, 40);
        const size_t token = (size_t)vc_rng_below(&rng, TOKENS);
        const int done = vc__banks_append(&other, wanted, token);
        const uint64_t start = done ? wanted : vc__banks_read(&other, now, wanted, token);
        assert_int_equal(start, vc__banks_read(&one, now, wanted, token));
        times += (size_t)done;
    }
    assert_in_range(times, READS / 10, READS - 1);
    vc__banks_close(&one);
    vc__banks_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(nothing_overlaps),
        cmocka_unit_test(at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

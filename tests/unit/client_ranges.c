#include "src/client/ranges.h"

#include "tests/harness/unit.h"

#include <stdlib.h>

#include "proto/errors.h"

#define MIB UINT64_C(1048576)

Test(ranges, counts_blocks_of_a_file)
{
	cr_expect(ranges_blocks(0) == 0);
	cr_expect(ranges_blocks(1) == 1);
	cr_expect(ranges_blocks(MIB) == 1);
	cr_expect(ranges_blocks(MIB + 1) == 2);
	cr_expect(ranges_blocks(UINT64_MAX) == (UINT64_C(1) << 44));
}

static const struct {
	struct block_range ranges[3];
	uint32_t count;
	uint64_t blocks;
	int error;
} peers[] = {
    {{{0, 0}}, 0, 0, 0},
    {{{0, 1}}, 1, 1, 0},
    {{{5, 5}, {0, 5}}, 2, 10, 0},
    {{{0, 1}}, 1, 0, FTX_E_PROTOCOL},
    {{{0, 0}}, 1, 1, FTX_E_PROTOCOL},
    {{{1, 1}}, 1, 1, FTX_E_PROTOCOL},
    {{{0, 2}}, 1, 1, FTX_E_PROTOCOL},
    {{{0, UINT64_MAX}}, 1, 10, FTX_E_PROTOCOL},
    {{{9, UINT64_MAX}}, 1, 10, FTX_E_PROTOCOL},
    {{{UINT64_MAX, 2}}, 1, 10, FTX_E_PROTOCOL},
    {{{4, 2}, {0, 5}}, 2, 10, FTX_E_PROTOCOL},
    {{{3, 1}, {1, 1}, {3, 1}}, 3, 10, FTX_E_PROTOCOL},
};

Test(ranges, T22_takes_only_what_lies_in_the_file_once)
{
	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		struct block_range ranges[3] = {peers[i].ranges[0], peers[i].ranges[1],
						peers[i].ranges[2]};

		cr_expect(ranges_check(ranges, peers[i].count, peers[i].blocks) == peers[i].error,
			  "case %zu", i);
	}
}

Test(ranges, complement_is_what_is_left)
{
	const struct block_range have[] = {{1, 2}, {5, 1}, {6, 2}};
	struct block_range out[LIMIT_GAP_RANGES];

	cr_assert(ranges_complement(have, 3, 10, out) == 3);
	cr_expect(out[0].first == 0 && out[0].count == 1);
	cr_expect(out[1].first == 3 && out[1].count == 2);
	cr_expect(out[2].first == 8 && out[2].count == 2);
	cr_expect(ranges_complement(have, 3, 8, out) == 2);
	cr_expect(ranges_complement(have, 0, 7, out) == 1);
	cr_expect(ranges_complement(have, 0, 0, out) == 0);
	cr_expect(ranges_bytes(out, 0, 5) == 0);
}

Test(ranges, complement_fits_for_as_many_runs_as_can_be)
{
	struct block_range *have = calloc(LIMIT_HAVE_RANGES, sizeof(*have));
	struct block_range *out = calloc(LIMIT_GAP_RANGES, sizeof(*out));

	for (uint32_t i = 0; i < LIMIT_HAVE_RANGES; i++)
		have[i] = (struct block_range){2 * i + 1, 1};
	cr_expect(ranges_complement(have, LIMIT_HAVE_RANGES, 2 * LIMIT_HAVE_RANGES + 1, out) ==
		  LIMIT_GAP_RANGES);
	free(have);
	free(out);
}

Test(ranges, last_block_may_be_short)
{
	const struct block_range r[] = {{0, 1}, {2, 1}};

	cr_expect(ranges_bytes(r, 2, 3 * MIB) == 2 * MIB);
	cr_expect(ranges_bytes(r, 2, 2 * MIB + 5) == MIB + 5);
}

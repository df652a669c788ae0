#include "src/secure/aead.h"

#include "tests/harness/unit.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "proto/errors.h"
#include "src/secure/record.h"

static const enum aead_id aeads[] = {AEAD_CHACHA20_POLY1305, AEAD_AES_256_GCM};
static const size_t lengths[] = {0, 1, 15, 16, 17, 255, 4096, LIMIT_RECORD_PLAIN};
static const uint8_t key[AEAD_KEY_BYTES] = {3, 1, 4, 1, 5};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Both implementations of a cipher; the test is skipped where there is only one. */
static void
both(enum aead_id id, struct aead *sodium, struct aead *bulk)
{
	if (!aead_available(id)) {
		fprintf(stderr, "SKIP aead: this CPU has no %s\n", aead_name(id));
		cr_skip_test("this CPU has no %s", aead_name(id));
	}
	aead_init(sodium, id, key);
	aead_init_bulk(bulk, id, key);
	if (bulk->libcrypto == NULL) {
		fprintf(stderr, "SKIP aead: this build is without libcrypto\n");
		cr_skip_test("this build is without libcrypto");
	}
}

Test(aead, both_implementations_make_the_same_bytes)
{
	static uint8_t plain[LIMIT_RECORD_PLAIN];
	static uint8_t one[LIMIT_RECORD_PLAIN + AEAD_TAG_BYTES];
	static uint8_t two[LIMIT_RECORD_PLAIN + AEAD_TAG_BYTES];

	randombytes_buf_deterministic(plain, sizeof(plain), key);
	for (size_t i = 0; i < COUNT(aeads); i++)
		for (size_t l = 0; l < COUNT(lengths); l++) {
			struct aead sodium, bulk;
			size_t length = lengths[l];
			uint64_t n = l == 0 ? UINT64_MAX : l << 33;

			both(aeads[i], &sodium, &bulk);
			memcpy(one, plain, length);
			memcpy(two, plain, length);
			aead_seal(&sodium, n, plain, l % 5, one, length);
			aead_seal(&bulk, n, plain, l % 5, two, length);
			cr_assert_arr_eq(one, two, length + AEAD_TAG_BYTES, "%s, %zu bytes",
					 aead_name(aeads[i]), length);
			cr_assert_eq(aead_open(&bulk, n, plain, l % 5, one, length), 0);
			cr_assert_eq(aead_open(&sodium, n, plain, l % 5, two, length), 0);
			cr_assert_arr_eq(one, plain, length);
			cr_assert_arr_eq(two, plain, length);
			aead_release(&bulk);
		}
}

Test(aead, both_implementations_refuse_every_flipped_bit)
{
	enum { LENGTH = 20, AD = 4 };

	for (size_t i = 0; i < COUNT(aeads); i++) {
		struct aead either[2];

		both(aeads[i], &either[0], &either[1]);
		for (size_t a = 0; a < 2; a++)
			for (size_t bit = 0; bit < 8 * (AD + LENGTH + AEAD_TAG_BYTES); bit++) {
				uint8_t ad[AD] = {1, 2, 3, 4};
				uint8_t data[LENGTH + AEAD_TAG_BYTES] = {5, 6, 7};

				aead_seal(&either[a], 9, ad, AD, data, LENGTH);
				if (bit < 8 * AD)
					ad[bit / 8] ^= (uint8_t)(1 << bit % 8);
				else
					data[bit / 8 - AD] ^= (uint8_t)(1 << bit % 8);
				cr_assert_eq(aead_open(&either[a], 9, ad, AD, data, LENGTH),
					     FTX_E_PROTOCOL, "%s bit %zu", aead_name(aeads[i]),
					     bit);
			}
		aead_release(&either[1]);
	}
}

Test(aead, bulk_records_are_the_same_across_the_ratchet)
{
	const uint8_t secret[32] = {2, 7, 1, 8};

	for (size_t i = 0; i < COUNT(aeads); i++) {
		struct record_state plain, bulk;

		if (!aead_available(aeads[i]))
			continue;
		record_init(&plain, aeads[i], secret);
		record_init_bulk(&bulk, aeads[i], secret);
		for (unsigned n = 0; n < (1u << RECORD_EPOCH_SHIFT) + 3; n++) {
			uint8_t one[3 + RECORD_OVERHEAD_BYTES] = {0};
			uint8_t two[3 + RECORD_OVERHEAD_BYTES] = {0};

			record_seal(&plain, one, 3);
			record_seal(&bulk, two, 3);
			cr_assert_arr_eq(one, two, sizeof(one), "record %u", n);
		}
		record_release(&plain);
		record_release(&bulk);
	}
}

/*
 * Good streams to be spoilt, for the tests of the decoder.
 */
#ifndef UNIT_DATA_SAMPLES_H
#define UNIT_DATA_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/data/codec.h"

/* A stream of one codec and what it holds. */
struct sample {
	enum codec codec;
	uint8_t *data;
	size_t length;
	uint8_t *raw;
	size_t raw_length;
};

struct sample sample_of(enum codec codec, size_t raw_length);
void sample_release(struct sample *s);

/* Owned bytes: a copy, and a text that compresses well.  Of exactly this size, for the sanitizer.
 */
uint8_t *copy_of(const void *data, size_t length);
uint8_t *prose(size_t length);

/*
 * Decodes from and into memory of exactly these sizes.  *same, if wanted: did it succeed and give
 * what raw holds?
 */
int decode_exactly(struct decoder *d, enum codec codec, const uint8_t *data, size_t length,
		   const uint8_t *raw, size_t raw_length, bool *same);

/* The same where only the result counts. */
int decode(struct decoder *d, enum codec codec, const void *data, size_t length, size_t raw_length);

/* Nothing that went wrong before may harm the next good chunk. */
void assert_still_decodes(struct decoder *d, const struct sample *s);

#endif

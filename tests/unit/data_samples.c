#include "tests/unit/data_samples.h"

#include "tests/harness/unit.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

static const char sentence[] = "It was the best of times, it was the worst of times, it was the "
			       "age of wisdom, it was the age of foolishness. ";

uint8_t *
copy_of(const void *data, size_t length)
{
	uint8_t *copy = malloc(length == 0 ? 1 : length);

	cr_assert_not_null(copy);
	memcpy(copy, data, length);
	return copy;
}

uint8_t *
prose(size_t length)
{
	uint8_t *raw = malloc(length);

	cr_assert_not_null(raw);
	for (size_t i = 0; i < length; i++)
		raw[i] = (uint8_t)sentence[i % (sizeof(sentence) - 1)];
	return raw;
}

struct sample
sample_of(enum codec codec, size_t raw_length)
{
	struct sample s = {.codec = codec, .raw = prose(raw_length), .raw_length = raw_length};
	size_t room = raw_length + 1024;
	uint8_t *data = malloc(room);

	cr_assert_not_null(data);
	if (codec == CODEC_ZLIB) {
		uLongf n = room;

		cr_assert_eq(compress2(data, &n, s.raw, raw_length, 6), Z_OK);
		s.length = n;
	} else {
		s.length = ZSTD_compress(data, room, s.raw, raw_length, 3);
		cr_assert_not(ZSTD_isError(s.length));
	}
	s.data = copy_of(data, s.length);
	free(data);
	return s;
}

void
sample_release(struct sample *s)
{
	free(s->data);
	free(s->raw);
}

int
decode_exactly(struct decoder *d, enum codec codec, const uint8_t *data, size_t length,
	       const uint8_t *raw, size_t raw_length, bool *same)
{
	uint8_t *in = copy_of(data, length);
	uint8_t *out = malloc(raw_length == 0 ? 1 : raw_length);
	int r;

	cr_assert_not_null(out);
	r = decoder_run(d, codec, in, length, out, raw_length);
	if (same != NULL)
		*same = r == 0 && memcmp(out, raw, raw_length) == 0;
	free(in);
	free(out);
	return r;
}

int
decode(struct decoder *d, enum codec codec, const void *data, size_t length, size_t raw_length)
{
	return decode_exactly(d, codec, data, length, NULL, raw_length, NULL);
}

void
assert_still_decodes(struct decoder *d, const struct sample *s)
{
	bool same;

	cr_assert_eq(decode_exactly(d, s->codec, s->data, s->length, s->raw, s->raw_length, &same),
		     0);
	cr_assert(same);
}

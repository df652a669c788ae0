/*
 * What codecs and libraries this build has, for people.
 */
#include <stdio.h>
#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>

#include "src/data/codec.h"

const char *
codec_name(enum codec codec)
{
	static const char *const names[CODEC_COUNT] = {
	    [CODEC_RAW] = "raw", [CODEC_ZLIB] = "zlib", [CODEC_ZSTD] = "zstd"};

	return (unsigned)codec < CODEC_COUNT ? names[codec] : NULL;
}

const char *
codec_libraries(char out[static CODEC_LIBRARIES_BYTES])
{
	unsigned hash = XXH_versionNumber(); /* 10000 times the first number, 100 the second */

	snprintf(out, CODEC_LIBRARIES_BYTES, "zlib %s, zstd %s, xxHash %u.%u.%u", zlibVersion(),
		 ZSTD_versionString(), hash / 10000, hash / 100 % 100, hash % 100);
	return out;
}

/*
 * memscan KEYFILE PID...
 *
 * Looks through all memory of the processes for the secret key of the file, as bytes, also clamped,
 * and as text.  Prints each process that has it.  Exit status 0: one has it, 1: none, 2: could not
 * look.
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_BYTES  32u
#define KEY_CHARS  43u
#define STEP_BYTES (1u << 20)

struct key {
	unsigned char raw[KEY_BYTES + 3];
	char text[KEY_CHARS + 1];
};

static void
read_key(struct key *key, const char *path)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	FILE *file = fopen(path, "re");
	uint32_t bits = 0;
	size_t n = 0;

	if (file == NULL || fscanf(file, "ftx-secret-key %43[A-Za-z0-9_-]", key->text) != 1 ||
	    strlen(key->text) != KEY_CHARS)
		errx(2, "%s: no secret key", path);
	fclose(file);
	for (size_t i = 0; i < KEY_CHARS; i++) {
		bits = bits << 6 | (uint32_t)(strchr(digits, key->text[i]) - digits);
		if (i % 4 == 3) {
			key->raw[n++] = (unsigned char)(bits >> 16);
			key->raw[n++] = (unsigned char)(bits >> 8);
			key->raw[n++] = (unsigned char)bits;
			bits = 0;
		}
	}
	bits <<= 6; /* the last 3 characters are 2 bytes and 2 bits of nothing */
	key->raw[n++] = (unsigned char)(bits >> 16);
	key->raw[n++] = (unsigned char)(bits >> 8);
}

static bool
contains(const unsigned char *buffer, size_t length, const struct key *key)
{
	/* X25519 works on a copy whose first and last bytes are clamped (RFC 7748). */
	return memmem(buffer, length, key->raw + 1, KEY_BYTES - 2) != NULL ||
	       memmem(buffer, length, key->text, KEY_CHARS) != NULL;
}

static bool
mapping_has(int memory, uint64_t start, uint64_t end, const struct key *key, uint64_t *seen)
{
	static unsigned char buffer[KEY_CHARS + STEP_BYTES];

	for (uint64_t at = start; at < end; at += STEP_BYTES) {
		uint64_t length = end - at < sizeof(buffer) ? end - at : sizeof(buffer);
		ssize_t n = pread(memory, buffer, (size_t)length, (off_t)at);
		if (n <= 0)
			continue; /* vvar, guard pages */
		*seen += (uint64_t)n;
		if (contains(buffer, (size_t)n, key))
			return true;
	}
	return false;
}

static bool
process_has(const char *pid, const struct key *key)
{
	char path[64], line[4096];
	uint64_t start, end, seen = 0;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%s/mem", pid);
	int memory = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	FILE *maps = fopen(path, "re");
	if (memory < 0 || maps == NULL)
		err(2, "%s", path);
	while (!found && fgets(line, sizeof(line), maps) != NULL)
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) == 2 && start < INT64_MAX)
			found = mapping_has(memory, start, end, key, &seen);
	if (seen == 0)
		errx(2, "%s: nothing could be read", pid);
	fclose(maps);
	close(memory);
	return found;
}

int
main(int argc, char **argv)
{
	struct key key = {0};
	int result = 1;

	if (argc < 3)
		errx(2, "usage: memscan KEYFILE PID...");
	read_key(&key, argv[1]);
	for (int i = 2; i < argc; i++) {
		if (process_has(argv[i], &key)) {
			printf("%s\n", argv[i]);
			result = 0;
		}
	}
	return result;
}

#include "src/store/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/encoding.h"
#include "src/store/resolve.h"

enum { CLIENT_DIGITS = 16, ID_BYTES = (UPLOAD_ID_BYTES - 1) / 2 };

/*
 * It must be this process's own: in a directory that belongs to somebody else, that somebody could
 * exchange what is in it.
 */
static int
check_ours(int dir)
{
	struct stat st;

	if (fstat(dir, &st) != 0)
		return error_from_errno(errno);
	if (st.st_uid != geteuid())
		return FTX_E_DENIED;
	if ((st.st_mode & 077) != 0 && fchmod(dir, 0700) != 0)
		return error_from_errno(errno);
	return 0;
}

int
staging_open_step(int parent, const char *name, int *out)
{
	int dir, r;

	if (mkdirat(parent, name, 0700) == 0) {
		if ((r = directory_sync(parent)) != 0)
			return r;
	} else if (errno != EEXIST) {
		return error_from_errno(errno);
	}
	dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return error_from_errno(errno);
	if ((r = check_ours(dir)) != 0) {
		close(dir);
		return r;
	}
	*out = dir;
	return 0;
}

static int
open_of_client(int subtree, const uint8_t client_key[static 32], const char *name, int *out)
{
	uint8_t hash[crypto_generichash_BYTES];
	char client[CLIENT_DIGITS + 1];
	int own = -1, of_client = -1, r;

	crypto_generichash(hash, sizeof(hash), client_key, 32, NULL, 0);
	hex_encode(client, hash, CLIENT_DIGITS / 2);
	if ((r = staging_open_step(subtree, ".ftx", &own)) != 0 ||
	    (r = staging_open_step(own, client, &of_client)) != 0)
		goto out;
	r = staging_open_step(of_client, name, out);
out:
	if (own >= 0)
		close(own);
	if (of_client >= 0)
		close(of_client);
	return r;
}

int
staging_open(int subtree, const uint8_t client_key[static 32], int *up)
{
	return open_of_client(subtree, client_key, "up", up);
}

int
staging_open_sets(int subtree, const uint8_t client_key[static 32], int *sets)
{
	return open_of_client(subtree, client_key, "set", sets);
}

static void
add(crypto_generichash_state *state, const void *data, size_t length)
{
	crypto_generichash_update(state, data, length);
}

static void
finish(crypto_generichash_state *state, char id[static UPLOAD_ID_BYTES])
{
	uint8_t hash[ID_BYTES];

	crypto_generichash_final(state, hash, sizeof(hash));
	hex_encode(id, hash, sizeof(hash));
}

/* set: "", or the name of one or of a node, which have a fixed length. */
static void
server_id(char id[static UPLOAD_ID_BYTES], const char *kind, const char *set, const void *path,
	  size_t length)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, ID_BYTES);
	add(&state, kind, strlen(kind));
	add(&state, set, strlen(set));
	add(&state, path, length);
	finish(&state, id);
}

void
staging_server_id(char id[static UPLOAD_ID_BYTES], const void *path, size_t length)
{
	server_id(id, "ftx1 partial", "", path, length);
}

void
staging_set_id(char id[static UPLOAD_ID_BYTES], const char *node, const void *destination,
	       size_t length)
{
	server_id(id, node[0] != '\0' ? "ftx1 node set" : "ftx1 set", node, destination, length);
}

void
staging_set_partial_id(char id[static UPLOAD_ID_BYTES], const char *set, const void *path,
		       size_t length)
{
	server_id(id, "ftx1 set partial", set, path, length);
}

void
staging_client_id(char id[static UPLOAD_ID_BYTES], const uint8_t server_key[static 32],
		  const void *remote_path, size_t length, const char *local_name)
{
	crypto_generichash_state state;
	const uint8_t le_length[4] = {(uint8_t)length, (uint8_t)(length >> 8),
				      (uint8_t)(length >> 16), (uint8_t)(length >> 24)};

	crypto_generichash_init(&state, NULL, 0, ID_BYTES);
	add(&state, "ftx1 get", strlen("ftx1 get"));
	add(&state, server_key, 32);
	add(&state, le_length, sizeof(le_length));
	add(&state, remote_path, length);
	add(&state, local_name, strlen(local_name));
	finish(&state, id);
}

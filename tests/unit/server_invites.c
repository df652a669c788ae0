/*
 * What the daemon keeps of invites, and the keys that they bring into the configuration.
 */
#include "tests/harness/unit.h"
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/encoding.h"
#include "src/secure/keyfile.h"
#include "src/server/config.h"
#include "src/server/invites.h"

static char above[64];	   /* a directory of the test's own */
static char directory[80]; /* in it, the state directory */
static int state;
static uint8_t keys[2][KEY_BYTES];
static char key_texts[2][KEY_TEXT_CHARS + 1];

static void
setup(void)
{
	cr_assert(sodium_init() >= 0);
	unit_directory(above, sizeof(above), "invites");
	snprintf(directory, sizeof(directory), "%s/state", above);
	cr_assert_eq(mkdir(directory, 0700), 0);
	cr_assert_eq(invites_open(&state, directory), 0);
	for (uint8_t i = 0; i < 2; i++) {
		memset(keys[i], i + 1, KEY_BYTES);
		key_format(key_texts[i], keys[i]);
	}
}

static void
teardown(void)
{
	char command[128];

	close(state);
	snprintf(command, sizeof(command), "rm -rf %s", above);
	cr_assert_eq(system(command), 0);
}

TestSuite(invites, .init = setup, .fini = teardown);

static struct invite
new_invite(const char *client, int64_t expires_s)
{
	struct invite invite = {.expires_s = expires_s};

	randombytes_buf(&invite.proof, sizeof(invite.proof));
	strcpy(invite.client, client);
	return invite;
}

/* Of the file of an invite. */
static const char *
path_of(const struct invite *invite)
{
	static char path[256];
	char id[2 * HANDSHAKE_INVITE_ID_BYTES + 1];

	hex_encode(id, invite->proof.id, sizeof(invite->proof.id));
	snprintf(path, sizeof(path), "%s/invites/%s", directory, id);
	return path;
}

static void
write_text(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	cr_assert(f != NULL);
	fputs(text, f);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(chmod(path, mode), 0);
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0);
	return st.st_mode & 07777;
}

Test(invites, come_back_as_they_were_written)
{
	struct invite invite = new_invite("a.client-with_40.letters-aaaaaaaaaaaaaaa", 1814356801);
	struct invite back;

	cr_assert_eq(invites_read(state, invite.proof.id, &back), FTX_E_NOT_FOUND);
	umask(0);
	cr_assert_eq(invites_write(state, &invite), 0);
	cr_assert_eq(mode_of(path_of(&invite)), 0600);
	cr_assert_eq(invites_read(state, invite.proof.id, &back), 0);
	cr_assert_arr_eq(&back.proof, &invite.proof, sizeof(back.proof));
	cr_assert_str_eq(back.client, invite.client);
	cr_assert_eq(back.expires_s, 1814356801);
	cr_assert_not(back.used);
	cr_assert_eq(invites_mark_used(state, invite.proof.id, keys[0]), 0);
	cr_assert_eq(invites_read(state, invite.proof.id, &back), 0);
	cr_assert_arr_eq(&back.proof, &invite.proof, sizeof(back.proof));
	cr_assert(back.used);
	cr_assert_arr_eq(back.key, keys[0], KEY_BYTES);
	cr_assert_eq(mode_of(path_of(&invite)), 0600);
}

#define PSK "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct {
	const char *text;
	mode_t mode;
	int result;
} files[] = {
    {"ftx-invite " PSK " 5 name\n", 0600, 0},
    {"ftx-invite " PSK " 5 name " PSK "\n", 0600, 0},
    {"ftx-invite " PSK " 5 name\n", 0640, FTX_E_KEY_FILE},
    {"ftx-invite " PSK " 5 name\n", 0604, FTX_E_KEY_FILE},
    {"", 0600, FTX_E_KEY_FILE},
    {"ftx-invite " PSK " 5 name", 0600, FTX_E_KEY_FILE},
    {"ftx-invite " PSK " 5 name\n\n", 0600, FTX_E_KEY_FILE},
    {"ftx-invite " PSK " 5 name more\n", 0600, FTX_E_KEY_FILE},
    {"ftx-invite " PSK " 5 name " PSK PSK "\n", 0600, FTX_E_KEY_FILE},
    {"ftx-invite " PSK " 5  name\n", 0600, FTX_E_KEY_FILE},
    {"ftx-invite " PSK " 5 na/me\n", 0600, FTX_E_KEY_FILE},
    {"ftx-invite " PSK " 5\n", 0600, FTX_E_KEY_FILE},
    {"ftx-invite " PSK " -5 name\n", 0600, FTX_E_KEY_FILE},
    {"ftx-invite " PSK " 9223372036854775808 name\n", 0600, FTX_E_KEY_FILE},
    {"ftx-invite " PSK "A 5 name\n", 0600, FTX_E_KEY_FILE},
    {"ftx-invite short 5 name\n", 0600, FTX_E_KEY_FILE},
    {"ftx-secret-key " PSK "\n", 0600, FTX_E_KEY_FILE},
    {"ftx-invite " PSK " 5 name-of-more-than-forty-characters-cccccccccc\n", 0600, FTX_E_KEY_FILE},
};

Test(invites, are_refused_where_others_can_read_them_or_they_are_none)
{
	struct invite invite = new_invite("name", 5), back;

	cr_assert_eq(invites_write(state, &invite), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		write_text(path_of(&invite), files[i].text, files[i].mode);
		cr_expect_eq(invites_read(state, invite.proof.id, &back), files[i].result,
			     "row %zu", i);
		if (files[i].result != 0)
			cr_expect(sodium_is_zero((const uint8_t *)&back, sizeof(back)), "row %zu",
				  i);
	}
}

Test(invites, are_not_looked_for_through_links)
{
	struct invite invite = new_invite("name", 5), back;
	char moved[128];

	cr_assert_eq(invites_write(state, &invite), 0);
	snprintf(moved, sizeof(moved), "%s/moved", directory);
	cr_assert_eq(rename(path_of(&invite), moved), 0);
	cr_assert_eq(symlink(moved, path_of(&invite)), 0);
	cr_assert_eq(invites_read(state, invite.proof.id, &back), FTX_E_KEY_FILE);
	cr_assert_eq(unlink(path_of(&invite)), 0);
	cr_assert_eq(mkfifo(path_of(&invite), 0600), 0);
	cr_assert_eq(invites_read(state, invite.proof.id, &back), FTX_E_KEY_FILE);
}

Test(invites, are_forgotten_a_day_after_they_expire_or_with_their_client)
{
	const int64_t now_s = 1000000;
	struct invite kept = new_invite("kept", now_s - INVITES_KEPT_S);
	struct invite over = new_invite("over", now_s - INVITES_KEPT_S - 1);
	struct invite used = new_invite("client", now_s + 5);
	struct invite back;
	unsigned left = 7;

	cr_assert_eq(invites_sweep(state, NULL, now_s, &left), 0);
	cr_assert_eq(left, 0);
	cr_assert_eq(invites_write(state, &kept), 0);
	cr_assert_eq(invites_write(state, &over), 0);
	cr_assert_eq(invites_write(state, &used), 0);
	cr_assert_eq(invites_mark_used(state, used.proof.id, keys[0]), 0);
	cr_assert_eq(invites_sweep(state, NULL, now_s, &left), 0);
	cr_assert_eq(left, 2);
	cr_assert_eq(invites_read(state, over.proof.id, &back), FTX_E_NOT_FOUND);
	cr_assert_eq(invites_read(state, kept.proof.id, &back), 0);
	cr_assert_eq(invites_sweep(state, "client", now_s, &left), 0);
	cr_assert_eq(left, 1);
	cr_assert_eq(invites_read(state, used.proof.id, &back), FTX_E_NOT_FOUND);
}

Test(invites, stay_where_they_cannot_be_read_now)
{
	struct invite invite = new_invite("a", 1000), back;
	struct rlimit limit, few;
	unsigned left;
	int next;

	cr_assert_eq(invites_write(state, &invite), 0);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	next = dup(state);
	close(next);
	/* One for the directory, none for a file in it. */
	few = (struct rlimit){(rlim_t)next + 1, limit.rlim_max};
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	cr_assert_eq(invites_sweep(state, "b", 1000, &left), 0);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert_eq(left, 1);
	cr_assert_eq(invites_read(state, invite.proof.id, &back), 0);
}

/* Puts an empty file of this age beside the invites. */
static const char *
leave(const char *name, int64_t now_s, int64_t age_s)
{
	static char path[256];
	const struct timespec times[2] = {{.tv_sec = now_s - age_s}, {.tv_sec = now_s - age_s}};

	snprintf(path, sizeof(path), "%s/invites/%s", directory, name);
	write_text(path, "", 0600);
	cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	return path;
}

Test(invites, half_ones_of_runs_that_were_killed_are_removed_after_a_day)
{
	const struct invite invite = new_invite("a", 2000000000);
	const int64_t now = 2000000000;
	char old[256], young[256];
	unsigned left;

	cr_assert_eq(invites_write(state, &invite), 0);
	snprintf(old, sizeof(old), "%s", leave(".00.17", now, INVITES_KEPT_S + 1));
	snprintf(young, sizeof(young), "%s", leave(".01.18", now, INVITES_KEPT_S - 1));
	cr_assert_eq(invites_sweep(state, NULL, now, &left), 0);
	cr_assert_eq(left, 1);
	cr_assert_neq(access(old, F_OK), 0);
	cr_assert_eq(access(young, F_OK), 0);
	cr_assert_eq(access(path_of(&invite), F_OK), 0);
}

Test(invites, bring_one_key_to_a_client)
{
	bool has = true;

	cr_assert_eq(invites_has_key(state, "c", &has), 0);
	cr_assert_not(has);
	cr_assert_eq(invites_remove_key(state, "c"), 0);
	cr_assert_eq(invites_enter_key(state, "c", keys[0]), 0);
	cr_assert_eq(invites_enter_key(state, "c", keys[1]), FTX_E_EXISTS);
	cr_assert_eq(invites_enter_key(state, "c", keys[0]), FTX_E_EXISTS);
	cr_assert_eq(invites_has_key(state, "c", &has), 0);
	cr_assert(has);
	cr_assert_eq(invites_remove_key(state, "c"), 0);
	cr_assert_eq(invites_has_key(state, "c", &has), 0);
	cr_assert_not(has);
}

/* A configuration whose state is ours, with these clients.  NULL with error where it is wrong. */
static struct config *
load(const char *clients, struct ini_error *error)
{
	char path[128], text[1024];
	struct config *c;

	snprintf(path, sizeof(path), "%s/ftxd.conf", above);
	snprintf(text, sizeof(text), "[server]\nstate = %s\n[share s]\npath = /srv\n%s", directory,
		 clients);
	write_text(path, text, 0644);
	return config_load(&c, path, error) == 0 ? c : NULL;
}

#define INVITED "[client c]\nkey = invite\nshare = s=full\n"

Test(invites, client_has_no_key_before_one_is_brought_and_that_one_afterwards)
{
	struct ini_error error;
	struct config *c = load(INVITED, &error);
	const struct client_policy *client;

	cr_assert(c != NULL, "%s", error.text);
	client = policy_of_name(config_policy(c), "c");
	cr_assert(client->invited && client->key_count == 0);
	config_free(c);
	cr_assert_eq(invites_enter_key(state, "c", keys[0]), 0);
	c = load(INVITED, &error);
	cr_assert(c != NULL, "%s", error.text);
	client = policy_find(config_policy(c), keys[0]);
	cr_assert(client != NULL && client->key_count == 1);
	cr_assert_str_eq(client->name, "c");
	config_free(c);
}

/* What the daemon can write gives a key to nobody but those whom the administrator has invited. */
Test(invites, keys_of_clients_that_are_not_invited_do_not_count)
{
	char clients[256];
	struct ini_error error;
	struct config *c;

	cr_assert_eq(invites_enter_key(state, "c", keys[0]), 0);
	cr_assert_eq(invites_enter_key(state, "nobody", keys[0]), 0);
	snprintf(clients, sizeof(clients), "[client c]\nkey = %s\nshare = s=full\n", key_texts[1]);
	c = load(clients, &error);
	cr_assert(c != NULL, "%s", error.text);
	cr_assert_eq(config_policy(c)->client_count, 1);
	cr_assert(policy_find(config_policy(c), keys[0]) == NULL);
	cr_assert(policy_find(config_policy(c), keys[1]) != NULL);
	config_free(c);
}

/* '@' is a key. */
static const struct {
	const char *text;
	mode_t mode;
	const char *words;
} entered[] = {
    {"[client c]\nkey = @\n", 0600, NULL},
    {"[client c]\nkey = @\n", 0620, "others than its owner"},
    {"[client d]\nkey = @\n", 0600, "c.conf:2: this file is for [client c] alone"},
    {"[client c]\nkey = @\nshare = s=full\n", 0600, "c.conf:3: there is no key 'share'"},
    {"[client c]\nkey = invite\n", 0600, "c.conf:2: "},
    {"[client c]\nkey = @\nkey = @\n", 0600, "twice"},
    {"[share s]\npath = /\n", 0600, "c.conf:1: "},
};

static void
write_entered(const char *text, mode_t mode)
{
	char path[128], written[256] = "";
	char *end = written;

	snprintf(path, sizeof(path), "%s/clients.d/c.conf", directory);
	for (; *text != '\0'; text++)
		if (*text == '@')
			end = stpcpy(end, key_texts[0]);
		else
			*end++ = *text;
	*end = '\0';
	write_text(path, written, mode);
}

Test(invites, what_they_bring_is_a_key_and_nothing_else)
{
	cr_assert_eq(invites_enter_key(state, "c", keys[0]), 0);
	for (size_t i = 0; i < sizeof(entered) / sizeof(entered[0]); i++) {
		struct ini_error error;
		struct config *c;

		write_entered(entered[i].text, entered[i].mode);
		c = load(INVITED, &error);
		cr_expect_eq(c == NULL, entered[i].words != NULL, "row %zu", i);
		if (c == NULL)
			cr_expect(strstr(error.text, entered[i].words) != NULL, "row %zu: %s", i,
				  error.text);
		config_free(c);
	}
}

Test(invites, key_that_another_client_has_is_an_error_with_both_places)
{
	char clients[512];
	struct ini_error error;

	cr_assert_eq(invites_enter_key(state, "c", keys[0]), 0);
	snprintf(clients, sizeof(clients), INVITED "[client d]\nkey = %s\nshare = s=full\n",
		 key_texts[0]);
	cr_assert(load(clients, &error) == NULL);
	cr_assert(strstr(error.text, "/clients.d/c.conf:2: the key is in [client d] of ") != NULL,
		  "%s", error.text);
}

#include "tests/hostile/race/scene.h"

#include "tests/harness/unit.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/server/policy.h"
#include "src/store/tree.h"

static const char *const watched[4] = {".", "f", "sub", "sub/g"};

static void
make_file(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
		      close(fd) == 0,
		  "%s", name);
}

static void
make_tree(int dir, const char *text)
{
	make_file(dir, "f", text);
	cr_assert(mkdirat(dir, "sub", 0755) == 0);
	make_file(dir, "sub/g", text);
}

static void
look_outside(const struct scene *s, struct stat out[static 4])
{
	for (int i = 0; i < 4; i++) {
		if (fstatat(s->away, watched[i], &out[i], AT_SYMLINK_NOFOLLOW) != 0)
			memset(&out[i], 0, sizeof(out[i]));
		/* It is read. */
		memset(&out[i].st_atim, 0, sizeof(out[i].st_atim));
	}
}

struct scene *
scene_new(enum protection how, struct tally *tally)
{
	struct scene *s = calloc(1, sizeof(*s));
	char target[80];

	cr_assert(s != NULL);
	s->tally = tally;
	rig_directory(s->outside);
	s->away = open(s->outside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_tree(s->away, OUTSIDE);
	make_file(s->away, "secret", OUTSIDE);
	make_file(s->away, "sub/secret", OUTSIDE);
	look_outside(s, s->before);
	protect(how);
	s->rig = rig_open(RIGHTS_FULL);
	s->share = open(s->rig->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(mkdirat(s->share, "d", 0755) == 0);
	s->inside = openat(s->share, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_tree(s->inside, INSIDE);
	make_file(s->share, "plain", INSIDE);
	make_file(s->share, "l", INSIDE);
	snprintf(target, sizeof(target), "%s/f", s->outside);
	cr_assert(symlinkat(s->outside, s->share, "e") == 0 &&
		  symlinkat(target, s->share, "m") == 0);
	return s;
}

void
scene_free(struct scene *s)
{
	close(s->share);
	close(s->inside);
	close(s->away);
	rig_free(s->rig);
	rig_remove(s->outside);
	free(s);
}

/* Many times within the time that a request takes; not on and on where it takes long. */
static int
exchange_until_more(const struct scene *s, struct message *m)
{
	struct pollfd fd = {.fd = channel_fd(s->rig->channel), .events = POLLIN};
	unsigned times = 0;
	int r;

	while ((r = rig_take(s->rig, m)) == 0) {
		cr_assert(renameat2(s->share, "d", s->share, "e", RENAME_EXCHANGE) == 0);
		cr_assert(renameat2(s->share, "l", s->share, "m", RENAME_EXCHANGE) == 0);
		if (times++ > 64)
			poll(&fd, 1, 1);
	}
	return r;
}

static bool
is_outside(struct span data)
{
	return memmem(data.data, data.length, OUTSIDE, strlen(OUTSIDE)) != NULL;
}

/* Does m tell something that only who has looked outside can know? */
static bool
tells(const struct message *m)
{
	const uint64_t size = strlen(OUTSIDE);

	if (m->type == MESSAGE_ENTRY)
		return m->entry.attributes.identity.size == size;
	if (m->type == MESSAGE_DATA)
		return is_outside(m->data.data);
	if (m->type == MESSAGE_DATA_PACK)
		return is_outside(m->data_pack.data);
	if (m->type == MESSAGE_DIGESTS)
		return m->digests.digests.items[0].size == size;
	if (m->type == MESSAGE_VERDICTS)
		return m->verdicts.verdicts.items[0].size == size;
	if (m->type != MESSAGE_ENTRIES)
		return false;
	for (uint32_t i = 0; i < m->entries.lines.count; i++)
		if (m->entries.lines.items[i].path.length == strlen("secret"))
			return true;
	return false;
}

static uint16_t
code_of(const struct message *m)
{
	switch ((unsigned)m->type) {
	case MESSAGE_ERROR:
		return m->error.code;
	case MESSAGE_STATUSES:
		return m->statuses.statuses.items[0].code;
	case MESSAGE_COMMITTED_PACKS:
		return m->committed_packs.statuses.items[0].code;
	case MESSAGE_DIGESTS:
		return m->digests.digests.items[0].code;
	case MESSAGE_VERDICTS:
		return m->verdicts.verdicts.items[0].code;
	case MESSAGE_DATA_PACK:
		return m->data_pack.items.items[0].code;
	default:
		return 0;
	}
}

int
scene_ask(struct scene *s, const struct message *m)
{
	struct message answer;
	uint16_t code = 0;
	int r;

	rig_send(s->rig, m);
	do {
		r = exchange_until_more(s, &answer);
		cr_assert_eq(r, 1, "%s: %s", message_info(m->type)->name, error_name(r));
		if (tells(&answer))
			atomic_store(&s->tally->escaped, true);
		code = code == 0 ? code_of(&answer) : code;
	} while (message_info(answer.type)->kind == KIND_PART);
	r = code == 0 ? 0 : error_from_wire(code);
	atomic_fetch_add(r == FTX_E_IS_LINK ? &s->tally->links : &s->tally->others, 1);
	return r;
}

static void
remove_from(int dir, const char *const *names)
{
	for (; *names != NULL; names++)
		if (unlinkat(dir, *names, 0) != 0)
			(void)unlinkat(dir, *names, AT_REMOVEDIR);
}

void
scene_tidy(struct scene *s)
{
	static const char *const in_d[] = {"new", "made/new", "made", NULL};
	static const char *const in_share[] = {"new", NULL};
	struct stat now[4];

	look_outside(s, now);
	if (memcmp(now, s->before, sizeof(now)) != 0)
		atomic_store(&s->tally->escaped, true);
	remove_from(s->inside, in_d);
	remove_from(s->share, in_share);
	if (faccessat(s->inside, "f", F_OK, 0) != 0)
		make_file(s->inside, "f", INSIDE);
	if (faccessat(s->share, "plain", F_OK, 0) != 0)
		make_file(s->share, "plain", INSIDE);
	s->round++;
}

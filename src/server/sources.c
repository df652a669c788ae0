/*
 * DESIGN.  A hash table of small sets.  A new source takes, of the places of its set, the one whose
 * loss matters least, so an attack with any number of addresses forgets its own and costs a few
 * comparisons a connection.  Which set is whose follows from a random key: it cannot be aimed at.
 */
#include "src/server/sources.h"

#include <netinet/in.h>
#include <sodium.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#define PLACES_OF_A_SET 8u
#define SETS		(SOURCES_PLACES / PLACES_OF_A_SET)

/* Half of a penalty is forgotten after as long as it was, but not sooner than this. */
#define FORGET_MS UINT64_C(10000)

struct source {
	uint64_t id;		   /* 0: nobody */
	uint64_t seen_ms;	   /* when something was last written here */
	uint64_t penalty_ms;	   /* what the last one was, or what is left of it; 0: none */
	uint64_t penalty_end_ms;   /* it is turned away until then */
	uint64_t known_until_ms;   /* 0: no known key came from it */
	uint64_t crashed_until_ms; /* 0: nothing has crashed */
};

struct sources {
	uint8_t key[crypto_shorthash_KEYBYTES];
	struct source places[SOURCES_PLACES];
};

struct sources *
sources_new(void)
{
	struct sources *s =
	    mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (s == MAP_FAILED)
		return NULL;
	if (madvise(s, sizeof(*s), MADV_DONTFORK) != 0) {
		sources_free(s);
		return NULL;
	}
	randombytes_buf(s->key, sizeof(s->key));
	return s;
}

void
sources_free(struct sources *s)
{
	if (s != NULL)
		munmap(s, sizeof(*s));
}

uint64_t
sources_id(const struct sources *s, const struct sockaddr *address)
{
	uint8_t bytes[16] = {0};
	uint64_t id;

	_Static_assert(sizeof(id) == crypto_shorthash_BYTES, "an id is a hash");
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

		bytes[10] = bytes[11] = 0xff;
		memcpy(bytes + 12, &v4->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
		bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);

		memcpy(bytes, &v6->sin6_addr, mapped ? 16 : 8);
	}
	crypto_shorthash((uint8_t *)&id, bytes, sizeof(bytes), s->key);
	return id != 0 ? id : 1;
}

static bool
is_known(const struct source *p, uint64_t now_ms)
{
	return now_ms < p->known_until_ms;
}

static const struct source *
find(const struct sources *s, uint64_t id)
{
	const struct source *set = &s->places[id % SETS * PLACES_OF_A_SET];

	for (size_t i = 0; i < PLACES_OF_A_SET; i++)
		if (set[i].id == id)
			return &set[i];
	return NULL;
}

/* Halves the penalty for each while without a failure; below half of the first nothing is left. */
static void
forget(struct source *p, const struct source_rules *rules, uint64_t now_ms)
{
	while (p->penalty_ms != 0) {
		uint64_t while_ms = p->penalty_ms > FORGET_MS ? p->penalty_ms : FORGET_MS;

		if (now_ms < p->penalty_end_ms || now_ms - p->penalty_end_ms < while_ms)
			return;
		p->penalty_end_ms += while_ms;
		p->penalty_ms /= 2;
		if (p->penalty_ms < (rules->penalty_ms + 1) / 2)
			p->penalty_ms = 0;
	}
}

/* How much is lost with it.  Without a known key or a crash nobody makes more than a penalty. */
static unsigned
worth(const struct source *p, uint64_t now_ms)
{
	if (p->id == 0)
		return 0;
	if (now_ms < p->crashed_until_ms)
		return 4;
	if (is_known(p, now_ms))
		return 3;
	return now_ms < p->penalty_end_ms ? 2 : 1;
}

/* The place of a source: the one it has, or that of the one that matters least and longest. */
static struct source *
place(struct sources *s, uint64_t id, uint64_t now_ms)
{
	struct source *set = &s->places[id % SETS * PLACES_OF_A_SET];
	struct source *least = &set[0];

	for (size_t i = 0; i < PLACES_OF_A_SET; i++) {
		struct source *p = &set[i];
		unsigned mine = worth(p, now_ms);
		unsigned other = worth(least, now_ms);

		if (p->id == id) {
			p->seen_ms = now_ms;
			return p;
		}
		if (mine < other || (mine == other && p->seen_ms < least->seen_ms))
			least = p;
	}
	*least = (struct source){.id = id, .seen_ms = now_ms};
	return least;
}

uint64_t
sources_blocked(const struct sources *s, uint64_t id, uint64_t now_ms)
{
	const struct source *p = find(s, id);
	uint64_t end_ms = 0;

	if (p == NULL)
		return 0;
	if (!is_known(p, now_ms))
		end_ms = p->penalty_end_ms;
	if (p->crashed_until_ms > end_ms)
		end_ms = p->crashed_until_ms;
	return end_ms > now_ms ? end_ms - now_ms : 0;
}

uint64_t
sources_failed(struct sources *s, uint64_t id, const struct source_rules *rules, uint64_t now_ms)
{
	struct source *p = place(s, id, now_ms);

	/* What fails while it is turned away had begun before. */
	if (is_known(p, now_ms) || now_ms < p->penalty_end_ms)
		return 0;
	forget(p, rules, now_ms);
	if (p->penalty_ms == 0) {
		p->penalty_ms = (rules->penalty_ms + 1) / 2;
		p->penalty_end_ms = now_ms;
		return 0;
	}
	p->penalty_ms =
	    p->penalty_ms < rules->penalty_max_ms / 2 ? 2 * p->penalty_ms : rules->penalty_max_ms;
	p->penalty_end_ms = now_ms + p->penalty_ms;
	return p->penalty_ms;
}

void
sources_known(struct sources *s, uint64_t id, uint64_t now_ms)
{
	struct source *p = place(s, id, now_ms);

	p->penalty_ms = 0;
	p->penalty_end_ms = 0;
	p->known_until_ms = now_ms + SOURCES_KNOWN_MS;
}

bool
sources_are_known(const struct sources *s, uint64_t id, uint64_t now_ms)
{
	const struct source *p = find(s, id);

	return p != NULL && is_known(p, now_ms);
}

void
sources_crashed(struct sources *s, uint64_t id, uint64_t now_ms)
{
	place(s, id, now_ms)->crashed_until_ms = now_ms + SOURCES_CRASH_MS;
}

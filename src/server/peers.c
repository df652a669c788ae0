#include "src/server/peers.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"

int
peers_init(struct peers *peers)
{
	size_t bytes = MAX_PEERS * sizeof(*peers->table);
	void *table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (table == MAP_FAILED)
		return FTX_E_NOMEM;
	*peers = (struct peers){.table = table, .next_deadline_ms = UINT64_MAX};
	if (madvise(table, bytes, MADV_DONTFORK) != 0)
		return error_from_errno(errno);
	for (size_t i = 0; i < MAX_PEERS; i++)
		peers->table[i].conn = peers->table[i].pair = -1;
	peers->count[PEER_FREE] = MAX_PEERS;
	return 0;
}

void
peers_release(struct peers *peers)
{
	if (peers->table != NULL)
		munmap(peers->table, MAX_PEERS * sizeof(*peers->table));
	peers->table = NULL;
}

struct peer *
peer_new(struct peers *peers, int conn)
{
	struct peer *p = NULL;

	for (size_t i = 0; i < MAX_PEERS && p == NULL; i++)
		if (peers->table[i].state == PEER_FREE)
			p = &peers->table[i];
	assert(p != NULL);
	p->conn = conn;
	p->accepted = peers->accepted++;
	peer_set_state(peers, p, PEER_PENDING);
	return p;
}

void
peer_free(struct peers *peers, struct peer *p)
{
	uint32_t generation = p->generation + 1;

	if (p->conn >= 0)
		close(p->conn);
	if (p->pair >= 0)
		close(p->pair);
	peer_set_state(peers, p, PEER_FREE);
	sodium_memzero(p, sizeof(*p));
	p->generation = generation;
	p->conn = p->pair = -1;
}

void
peer_set_state(struct peers *peers, struct peer *p, enum peer_state state)
{
	peers->count[p->state]--;
	peers->count[state]++;
	p->state = state;
}

void
peer_set_deadline(struct peers *peers, struct peer *p, uint64_t deadline_ms)
{
	p->deadline_ms = deadline_ms;
	if (deadline_ms < peers->next_deadline_ms)
		peers->next_deadline_ms = deadline_ms;
}

void
peer_reset_connection(struct peer *p)
{
	static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	if (p->conn < 0)
		return;
	setsockopt(p->conn, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(p->conn);
	p->conn = -1;
}

void
peer_kill(const struct peer *p)
{
	if (p->pid > 0)
		kill(p->pid, SIGKILL);
}

struct peer *
peers_oldest(struct peers *peers, enum peer_state state)
{
	struct peer *found = NULL;

	for (size_t i = 0; i < MAX_PEERS; i++) {
		struct peer *p = &peers->table[i];

		if (p->state == state && (found == NULL || p->accepted < found->accepted))
			found = p;
	}
	return found;
}

struct peer *
peers_of_pid(struct peers *peers, pid_t pid)
{
	for (size_t i = 0; i < MAX_PEERS; i++)
		if (peers->table[i].state != PEER_FREE && peers->table[i].pid == pid)
			return &peers->table[i];
	return NULL;
}

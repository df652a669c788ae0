#include "src/server/peers.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"

/* What children do not inherit. */
struct memory {
	struct peer table[MAX_PEERS];
	struct waiting waiting;
};

int
peers_init(struct peers *peers)
{
	struct memory *memory =
	    mmap(NULL, sizeof(*memory), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return FTX_E_NOMEM;
	*peers = (struct peers){
	    .table = memory->table, .waiting = &memory->waiting, .next_deadline_ms = UINT64_MAX};
	if (madvise(memory, sizeof(*memory), MADV_DONTFORK) != 0)
		return error_from_errno(errno);
	for (size_t i = 0; i < MAX_PEERS; i++)
		peers->table[i].conn = peers->table[i].pair = peers->table[i].log = -1;
	peers->count[PEER_FREE] = MAX_PEERS;
	return 0;
}

void
peers_release(struct peers *peers)
{
	if (peers->table != NULL)
		munmap(peers->table, sizeof(struct memory));
	peers->table = NULL;
}

struct peer *
peer_new(struct peers *peers, int conn, uint64_t source)
{
	struct peer *p = NULL;

	for (size_t i = 0; i < MAX_PEERS && p == NULL; i++)
		if (peers->table[i].state == PEER_FREE)
			p = &peers->table[i];
	assert(p != NULL);
	p->conn = conn;
	p->source = source;
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
	if (p->log >= 0)
		close(p->log);
	activity_free(p->activity);
	peer_set_state(peers, p, PEER_FREE);
	sodium_memzero(p, sizeof(*p));
	p->generation = generation;
	p->conn = p->pair = p->log = -1;
}

static void
take_seat(struct peers *peers, const struct peer *p, enum peer_state state)
{
	uint32_t number = (uint32_t)(p - peers->table);

	switch (state) {
	case PEER_PENDING:
		waiting_add(peers->waiting, number, p->source);
		break;
	case PEER_READY:
		waiting_move(peers->waiting, number, WAITING_READY);
		break;
	case PEER_GREETING:
		waiting_move(peers->waiting, number, WAITING_GREETING);
		break;
	case PEER_SESSION:
	case PEER_FREE:
	case PEER_STATES:
		waiting_leave(peers->waiting, number);
		break;
	}
}

void
peer_set_state(struct peers *peers, struct peer *p, enum peer_state state)
{
	take_seat(peers, p, state);
	peers->count[p->state]--;
	peers->count[state]++;
	p->state = state;
}

void
peer_wait_again(struct peers *peers, struct peer *p, uint64_t source)
{
	waiting_leave(peers->waiting, (uint32_t)(p - peers->table));
	p->source = source;
	peer_set_state(peers, p, PEER_PENDING);
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
peers_of_pid(struct peers *peers, pid_t pid)
{
	for (size_t i = 0; i < MAX_PEERS; i++)
		if (peers->table[i].state != PEER_FREE && peers->table[i].pid == pid)
			return &peers->table[i];
	return NULL;
}

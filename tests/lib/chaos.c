/*
 * chaos TARGET-PORT [-p KIND:DIRECTION:BYTE]... [-s SEED] [-n COUNT] [-m MOST] [-k KINDS] [-t MS]
 *
 * A bad network: listens on a free port of 127.0.0.1, prints it, and forwards connections to
 * TARGET-PORT, each by a plan of its own, which it prints: "3: flip up 18244".  DIRECTION is up
 *(from the client) or down, BYTE the one of that direction, counted from 0, at which it happens.
 *
 *	cut	both sides see the end
 *	reset	both sides see a reset
 *	flip	one bit of that byte is another
 *	stall	nothing goes any more, in either direction, and nothing ends
 *	delay	each piece of that direction waits up to MS (20)
 *	none	nothing happens
 *
 * The n-th connection has the n-th plan of -p; then COUNT (0) have random ones out of SEED (1): a
 * KIND whose first letter is in KINDS (crfsd) at a byte below MOST (4194304), small ones as likely
 * as large ones; all further ones have none.  The same arguments give the same plans.  At random
 * nothing is flipped in the handshakes of the first connections: a key that was never proved before
 * is another one, and there the client is right to stop.
 *
 * chaos plan ...: prints the plans of that and ends.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_PLANS	1024u
#define FIRST_PLANS	4u /* connections that may be made before any of them has proved the key */
#define MOST_LINKS	128u
#define PIECE_BYTES	65536u
#define HANDSHAKE_BYTES 244u /* of the client; the server's are fewer */

enum kind { KIND_NONE, KIND_CUT, KIND_RESET, KIND_FLIP, KIND_STALL, KIND_DELAY };
static const char *const kinds[] = {"none", "cut", "reset", "flip", "stall", "delay"};

struct plan {
	enum kind kind;
	bool up;
	uint64_t byte;
};

/* One direction of a connection. */
struct way {
	int from, to;
	uint64_t count; /* bytes that have come */
	size_t begin, end;
	uint64_t not_before_ms;
	bool over; /* nothing more comes */
	uint8_t data[PIECE_BYTES];
};

struct link {
	bool used;
	bool stalled;
	struct plan plan;
	struct way up, down;
};

static struct plan plans[MOST_PLANS];
static unsigned plan_count;
static uint64_t delay_ms = 20;
static uint64_t random_state;
static struct link links[MOST_LINKS];

/* splitmix64 */
static uint64_t
random_next(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static double
random_share(void)
{
	return (double)(random_next() >> 11) / (double)(UINT64_C(1) << 53);
}

static uint64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
add_plan(struct plan plan)
{
	if (plan_count == MOST_PLANS)
		errx(2, "more than %u plans", MOST_PLANS);
	plans[plan_count++] = plan;
}

static void
parse_plan(const char *text)
{
	struct plan plan = {.kind = KIND_NONE};
	char kind[16], direction[8];

	if (sscanf(text, "%15[a-z]:%7[a-z]:%" SCNu64, kind, direction, &plan.byte) != 3)
		errx(2, "-p KIND:DIRECTION:BYTE, not %s", text);
	while (strcmp(kinds[plan.kind], kind) != 0)
		if (++plan.kind > KIND_DELAY)
			errx(2, "no such kind: %s", kind);
	plan.up = strcmp(direction, "up") == 0;
	add_plan(plan);
}

static void
random_plans(unsigned count, uint64_t most, const char *letters)
{
	size_t choices = strlen(letters);

	for (unsigned i = 0; i < count; i++) {
		char letter = letters[random_next() % choices];
		struct plan plan = {.kind = KIND_CUT};

		while (plan.kind < KIND_DELAY && kinds[plan.kind][0] != letter)
			plan.kind++;
		plan.up = (random_next() & 1) != 0;
		plan.byte = (uint64_t)exp(random_share() * log((double)most));
		if (plan.kind == KIND_FLIP && plan_count < FIRST_PLANS &&
		    plan.byte < HANDSHAKE_BYTES)
			plan.byte += HANDSHAKE_BYTES;
		add_plan(plan);
	}
}

static void
print_plan(unsigned n, const struct plan *p)
{
	printf("%u: %s %s %" PRIu64 "\n", n, kinds[p->kind], p->up ? "up" : "down", p->byte);
	fflush(stdout);
}

static struct sockaddr_in
loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void
end(struct link *l, bool by_reset)
{
	static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	const int fds[] = {l->up.from, l->down.from};

	for (size_t i = 0; i < 2; i++) {
		if (by_reset)
			setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(fds[i]);
	}
	l->used = false;
}

/* Who is not there is told of as if nobody listened. */
static void
begin(int client, uint16_t target)
{
	static unsigned count;
	struct sockaddr_in address = loopback(target);
	struct link *l = links;
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	while (l < links + MOST_LINKS && l->used)
		l++;
	if (l == links + MOST_LINKS || server < 0)
		errx(1, "too many connections");
	l->used = true;
	l->stalled = false;
	l->plan = count < plan_count ? plans[count] : (struct plan){.kind = KIND_NONE};
	l->up.from = l->down.to = client;
	l->up.to = l->down.from = server;
	l->up.count = l->down.count = l->up.not_before_ms = l->down.not_before_ms = 0;
	l->up.begin = l->up.end = l->down.begin = l->down.end = 0;
	l->up.over = l->down.over = false;
	if (connect(server, (struct sockaddr *)&address, sizeof(address)) != 0) {
		end(l, true);
		return;
	}
	fcntl(client, F_SETFL, O_NONBLOCK);
	fcntl(server, F_SETFL, O_NONBLOCK);
	print_plan(count++, &l->plan);
}

/*
 * What the plan makes of the piece that has come: its length, or less where it ends there.  true:
 * the connection is over.
 */
static bool
disturb(struct link *l, struct way *w, size_t *length)
{
	const struct plan *p = &l->plan;
	uint64_t before = w->count;

	w->count += *length;
	if (p->up != (w == &l->up) || p->kind == KIND_NONE)
		return false;
	if (p->kind == KIND_DELAY)
		w->not_before_ms = now_ms() + random_next() % (delay_ms + 1);
	if (p->kind == KIND_DELAY || p->byte < before || p->byte >= before + *length)
		return false;
	if (p->kind == KIND_FLIP) {
		w->data[w->end + (size_t)(p->byte - before)] ^= (uint8_t)(1u << (p->byte % 8));
		return false;
	}
	*length = (size_t)(p->byte - before);
	l->stalled = p->kind == KIND_STALL;
	return p->kind != KIND_STALL;
}

/* true: goes on. */
static bool
take(struct link *l, struct way *w)
{
	ssize_t n;
	size_t length;
	bool over;

	n = recv(w->from, w->data, sizeof(w->data), 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	w->begin = w->end = 0;
	if (n == 0) {
		w->over = true;
		shutdown(w->to, SHUT_WR);
		return !(l->up.over && l->down.over);
	}
	length = (size_t)n;
	over = disturb(l, w, &length);
	w->end = length;
	if (over) /* what came before may arrive or not, as on any network */
		(void)send(w->to, w->data, length, MSG_NOSIGNAL);
	return !over;
}

static bool
give(struct way *w)
{
	ssize_t n = send(w->to, w->data + w->begin, w->end - w->begin, MSG_NOSIGNAL);

	if (n > 0)
		w->begin += (size_t)n;
	return n >= 0 || errno == EAGAIN || errno == EINTR;
}

/* What a way waits for, as a poll; its time, where that is later. */
static struct pollfd
wish(const struct link *l, const struct way *w, int *timeout)
{
	uint64_t now = now_ms();

	if (l->stalled && w->begin == w->end)
		return (struct pollfd){.fd = w->from, .events = POLLRDHUP};
	if (w->begin == w->end)
		return (struct pollfd){.fd = w->over ? -1 : w->from, .events = POLLIN};
	if (w->not_before_ms <= now)
		return (struct pollfd){.fd = w->to, .events = POLLOUT};
	if (*timeout < 0 || w->not_before_ms - now < (uint64_t)*timeout)
		*timeout = (int)(w->not_before_ms - now);
	return (struct pollfd){.fd = -1};
}

static bool
serve_way(struct link *l, struct way *w, short events)
{
	if (events == 0)
		return true;
	if (l->stalled && w->begin == w->end)
		return false; /* that side has given up */
	return w->begin == w->end ? take(l, w) : give(w);
}

/* Two of each connection, the listener last. */
static void
serve(int listener, uint16_t target)
{
	static struct pollfd polls[2 * MOST_LINKS + 1];
	int timeout = -1;

	for (size_t i = 0; i < MOST_LINKS; i++) {
		struct link *l = &links[i];

		polls[2 * i] = polls[2 * i + 1] = (struct pollfd){.fd = -1};
		if (!l->used)
			continue;
		polls[2 * i] = wish(l, &l->up, &timeout);
		polls[2 * i + 1] = wish(l, &l->down, &timeout);
	}
	polls[2 * MOST_LINKS] = (struct pollfd){.fd = listener, .events = POLLIN};
	if (poll(polls, 2 * MOST_LINKS + 1, timeout) < 0 && errno != EINTR)
		err(1, "poll");
	for (size_t i = 0; i < MOST_LINKS; i++) {
		struct link *l = &links[i];

		if (l->used && (!serve_way(l, &l->up, polls[2 * i].revents) ||
				!serve_way(l, &l->down, polls[2 * i + 1].revents)))
			end(l, l->plan.kind == KIND_RESET);
	}
	if (polls[2 * MOST_LINKS].revents != 0) {
		int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (client < 0)
			err(1, "accept");
		begin(client, target);
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	const char *letters = "crfsd";
	uint64_t most = UINT64_C(4) << 20, seed = 1;
	unsigned count = 0;
	int option, listener;

	while ((option = getopt(argc, argv, "p:s:n:m:k:t:")) >= 0) {
		if (option == 'p')
			parse_plan(optarg);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 'n')
			count = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'm')
			most = strtoull(optarg, NULL, 10);
		else if (option == 'k')
			letters = optarg;
		else if (option == 't')
			delay_ms = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	if (optind + 1 != argc || letters[0] == '\0' || most == 0)
		errx(2, "usage: chaos TARGET-PORT|plan [-p PLAN]... [-s SEED] [-n COUNT] ...");
	random_state = seed;
	random_plans(count, most, letters);
	if (strcmp(argv[optind], "plan") == 0) {
		for (unsigned i = 0; i < plan_count; i++)
			print_plan(i, &plans[i]);
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 ||
	    listen(listener, 64) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) != 0)
		err(1, "listen");
	printf("%u\n", ntohs(address.sin_port));
	fflush(stdout);
	for (;;)
		serve(listener, (uint16_t)strtoul(argv[optind], NULL, 10));
}

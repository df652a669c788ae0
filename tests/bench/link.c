/*
 * A link with delay, a rate, a bounded queue and loss between two network namespaces.  As root:
 *
 *	link RATE DELAY QUEUE LOSS ADDRESS-A ADDRESS-B
 *
 *	RATE	Mbit/s each way, of IP packets
 *	DELAY	ms, one way
 *	QUEUE	ms: what would wait longer for its turn is dropped
 *	LOSS	percent of packets, one by one
 *
 * Makes the namespaces itself, a TUN in each with one address in a /24, and prints "up FD FD":
 * they are /proc/PID/fd/FD, for nsenter --net, and are gone with the last process in them.
 * SIGTERM or SIGINT ends it, also the end of its parent; it then prints for each way what became
 * of its packets.
 *
 * A packet arrives when the rate has let through all before it and itself, and DELAY later, within
 * 0.2 ms where the machine keeps up: "late" counts the others.  While there is traffic it wakes
 * every TICK_NS and moves what has come and what is due: waking for each packet would cost more
 * than the packet.  Without traffic it sleeps.
 *
 * As network cards do, it takes checksums and the cutting of TCP data into packets off the kernel:
 * up to TRAIN_BYTES of packets pass as one, counted as the packets they are; not where packets are
 * to be lost one by one.  It asks for a real-time priority, as a link does not wait for the
 * programs at its ends.  TCP's work for what arrives is done in its write(), and so is its CPU
 * time, not the receiver's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DEVICE	    "link0"
#define MTU	    1500
#define TUN_PACKETS 10000 /* what a TUN holds until it is read: some ms of whole packets */
#define BATCH	    32	  /* of one way before the other has its turn */
#define TICK_NS	    100000
#define EARLY_NS    (TICK_NS / 2)
#define LATE_NS	    200000
#define QUIET_NS    2000000 /* without a packet for so long: sleep until there is one */
#define TRAIN_BYTES 16384   /* 0.13 ms at 1 Gbit/s */
#define FRAME_MAX   (sizeof(struct virtio_net_hdr) + 65535)
#define NO_TIME	    UINT64_MAX

struct packet {
	uint64_t due;
	uint32_t bytes; /* of its frame; 0: the rest of the ring is unused, go on at its start */
	uint32_t count; /* of packets that the link carries for it */
};

/* One way: what is under way lies in a ring, oldest at head. */
struct way {
	int in, out;
	unsigned char *ring;
	size_t size, head, tail, used;
	double free_at; /* when the rate has let through all so far */
	uint64_t packets, wire_bytes, lost, queue_full, ring_full, refused, late, worst_ns;
};

struct link {
	double ns_per_byte, delay_ns, queue_ns, loss;
	struct way ways[2];
	uint64_t last_packet;
};

static volatile sig_atomic_t ending;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;

	fputs("link: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* splitmix64: 0 <= x < 1 */
static double
random_share(void)
{
	static uint64_t state;
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0; /* 2^53 */
}

/* Namespaces */

/* The process is then in it. */
static int
new_netns(void)
{
	int fd;

	if (unshare(CLONE_NEWNET) != 0)
		die("no network namespace: %s", strerror(errno));
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("/proc/self/ns/net: %s", strerror(errno));
	return fd;
}

static void
set_up(int s, const char *device)
{
	struct ifreq request = {.ifr_flags = IFF_UP | IFF_RUNNING};

	strncpy(request.ifr_name, device, IFNAMSIZ - 1);
	if (ioctl(s, SIOCSIFFLAGS, &request) != 0)
		die("%s does not go up: %s", device, strerror(errno));
}

static void
set_address(int s, unsigned long what, const char *text)
{
	struct ifreq request = {.ifr_name = DEVICE};
	struct sockaddr_in address = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
		die("'%s' is not an IPv4 address", text);
	memcpy(&request.ifr_addr, &address, sizeof(address));
	if (ioctl(s, what, &request) != 0)
		die("%s for %s: %s", text, DEVICE, strerror(errno));
}

static void
limit_trains(void)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
		struct rtattr attribute;
		uint32_t bytes;
	} request = {
	    .header = {.nlmsg_len = sizeof(request),
		       .nlmsg_type = RTM_NEWLINK,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
	    .link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(DEVICE)},
	    .attribute = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFLA_GSO_MAX_SIZE},
	    .bytes = TRAIN_BYTES,
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr result;
		char rest[1024];
	} answer = {0};
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (s < 0 || send(s, &request, sizeof(request), 0) < 0 ||
	    recv(s, &answer, sizeof(answer), 0) < 0)
		die("netlink: %s", strerror(errno));
	if (answer.header.nlmsg_type != NLMSG_ERROR || answer.result.error != 0)
		die("no limit of %d bytes: %s", TRAIN_BYTES, strerror(-answer.result.error));
	close(s);
}

/* A TUN in the namespace that the process is in. */
static int
new_tun(const char *address, bool trains)
{
	struct ifreq request = {.ifr_name = DEVICE,
				.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
	unsigned offload = TUN_F_CSUM | (trains ? TUN_F_TSO4 : 0);
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("/dev/net/tun: %s", strerror(errno));
	if (s < 0 || ioctl(fd, TUNSETIFF, &request) != 0)
		die("no TUN: %s", strerror(errno));
	if (ioctl(fd, TUNSETOFFLOAD, offload) != 0)
		die("no offloads: %s", strerror(errno));
	limit_trains();
	set_address(s, SIOCSIFADDR, address);
	set_address(s, SIOCSIFNETMASK, "255.255.255.0");
	request.ifr_mtu = MTU;
	if (ioctl(s, SIOCSIFMTU, &request) != 0)
		die("MTU %d: %s", MTU, strerror(errno));
	request.ifr_qlen = TUN_PACKETS;
	if (ioctl(s, SIOCSIFTXQLEN, &request) != 0)
		die("queue of %d packets: %s", TUN_PACKETS, strerror(errno));
	set_up(s, "lo");
	set_up(s, DEVICE);
	close(s);
	return fd;
}

/* Forwarding */

/* Room for a packet of so many bytes at the tail, in one piece; NULL: there is none. */
static struct packet *
ring_push(struct way *w, size_t bytes)
{
	size_t need = (sizeof(struct packet) + bytes + 15) & ~(size_t)15;
	size_t at_end = w->size - w->tail;
	struct packet *p;

	if (at_end < need) {
		if (w->size - w->used < at_end + need)
			return NULL;
		*(struct packet *)(void *)(w->ring + w->tail) = (struct packet){0};
		w->used += at_end;
		w->tail = 0;
	} else if (w->size - w->used < need) {
		return NULL;
	}
	p = (struct packet *)(void *)(w->ring + w->tail);
	p->bytes = (uint32_t)bytes;
	w->tail = (w->tail + need) % w->size;
	w->used += need;
	return p;
}

/* The oldest, or NULL. */
static struct packet *
ring_oldest(struct way *w)
{
	struct packet *p;

	if (w->used == 0)
		return NULL;
	p = (struct packet *)(void *)(w->ring + w->head);
	if (p->bytes > 0)
		return p;
	w->used -= w->size - w->head;
	w->head = 0;
	return (struct packet *)(void *)w->ring;
}

static void
ring_pop(struct way *w, const struct packet *p)
{
	size_t size = (sizeof(*p) + p->bytes + 15) & ~(size_t)15;

	w->head = (w->head + size) % w->size;
	w->used -= size;
}

/* All that is under way fits: RATE for DELAY and QUEUE, half as much again for what a packet takes
 * beside its bytes, as IP packets of less than 32 bytes are rare. */
static void
ring_init(struct way *w, const struct link *l)
{
	double bytes = (l->delay_ns + l->queue_ns) / l->ns_per_byte * 1.5;

	w->size = (((size_t)bytes + 63) & ~(size_t)63) + (4u << 20);
	w->ring = malloc(w->size);
	if (w->ring == NULL)
		die("no memory for %zu bytes under way", w->size);
}

/* What the link carries for a frame: each packet of a train has headers of its own. */
static uint32_t
wire_packets(const unsigned char *frame, size_t bytes, size_t *wire_bytes)
{
	const unsigned char *ip = frame + sizeof(struct virtio_net_hdr);
	struct virtio_net_hdr h;
	size_t headers, count;

	memcpy(&h, frame, sizeof(h));
	bytes -= sizeof(h);
	*wire_bytes = bytes;
	if (h.gso_type == VIRTIO_NET_HDR_GSO_NONE || h.gso_size == 0 || h.csum_start + 12u >= bytes)
		return 1;
	headers = h.csum_start + (size_t)(ip[h.csum_start + 12] >> 4) * 4;
	if (headers >= bytes)
		return 1;
	count = (bytes - headers + h.gso_size - 1) / h.gso_size;
	*wire_bytes += (count - 1) * headers;
	return (uint32_t)count;
}

static void
accept_frame(struct link *l, struct way *w, const unsigned char *frame, size_t bytes, uint64_t time)
{
	double start = w->free_at > (double)time ? w->free_at : (double)time;
	size_t wire_bytes;
	uint32_t count = wire_packets(frame, bytes, &wire_bytes);
	struct packet *p;

	if (start - (double)time > l->queue_ns) {
		w->queue_full += count;
		return;
	}
	w->free_at = start + (double)wire_bytes * l->ns_per_byte;
	if (l->loss > 0 && random_share() < l->loss) {
		w->lost += count;
		return;
	}
	p = ring_push(w, bytes);
	if (p == NULL) {
		w->ring_full += count;
		return;
	}
	p->due = (uint64_t)(w->free_at + l->delay_ns);
	p->count = count;
	w->wire_bytes += wire_bytes;
	memcpy(p + 1, frame, bytes);
}

/* Returns whether there may be more. */
static bool
take_in(struct link *l, struct way *w)
{
	unsigned char frame[FRAME_MAX];
	uint64_t time = now();

	for (int i = 0; i < BATCH; i++) {
		ssize_t n = read(w->in, frame, sizeof(frame));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (n < (ssize_t)sizeof(struct virtio_net_hdr))
			die("read from the TUN: %s", n < 0 ? strerror(errno) : "no packet");
		l->last_packet = time;
		accept_frame(l, w, frame, (size_t)n, time);
	}
	return true;
}

static void
deliver(struct way *w)
{
	uint64_t time = now();
	struct packet *p;

	while ((p = ring_oldest(w)) != NULL && p->due <= time + EARLY_NS) {
		uint64_t late_ns = time > p->due ? time - p->due : 0;

		w->late += late_ns > LATE_NS ? p->count : 0;
		w->worst_ns = late_ns > w->worst_ns ? late_ns : w->worst_ns;
		if (write(w->out, p + 1, p->bytes) == (ssize_t)p->bytes) {
			w->packets += p->count;
		} else {
			w->refused += p->count;
		}
		ring_pop(w, p);
		time = now();
	}
}

static uint64_t
next_due(struct link *l)
{
	uint64_t next = NO_TIME;

	for (int i = 0; i < 2; i++) {
		const struct packet *p = ring_oldest(&l->ways[i]);

		if (p != NULL && p->due < next)
			next = p->due;
	}
	return next;
}

/* A tick, or where there is no traffic until a packet comes or is due. */
static void
rest(struct link *l, const sigset_t *unblocked)
{
	struct pollfd fds[2] = {{.fd = l->ways[0].in, .events = POLLIN},
				{.fd = l->ways[1].in, .events = POLLIN}};
	uint64_t time = now();
	uint64_t due = next_due(l);
	bool quiet = time - l->last_packet > QUIET_NS;
	uint64_t ns = TICK_NS;
	struct timespec timeout;

	if (quiet && due != NO_TIME && due > time + TICK_NS)
		ns = due - time;
	timeout = (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
				    .tv_nsec = (long)(ns % 1000000000)};
	if (ppoll(fds, quiet ? 2 : 0, quiet && due == NO_TIME ? NULL : &timeout, unblocked) < 0 &&
	    errno != EINTR)
		die("ppoll: %s", strerror(errno));
}

static void
forward(struct link *l, const sigset_t *unblocked)
{
	while (!ending) {
		bool more = take_in(l, &l->ways[0]);

		more |= take_in(l, &l->ways[1]);
		deliver(&l->ways[0]);
		deliver(&l->ways[1]);
		if (!more)
			rest(l, unblocked);
	}
}

/* The end */

/* Packets that the TUN had no room for, as they were not read in time: column 12 of
 * /proc/net/dev is what was dropped when sent. */
static uint64_t
overrun(int netns)
{
	uint64_t dropped = 0;
	char line[512];
	FILE *f;

	if (setns(netns, CLONE_NEWNET) != 0 ||
	    (f = fopen("/proc/thread-self/net/dev", "re")) == NULL)
		die("no counters: %s", strerror(errno));
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line,
			   " " DEVICE ": %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %" SCNu64,
			   &dropped) == 1)
			break;
	fclose(f);
	return dropped;
}

static void
report(const char *name, const struct way *w, int sender)
{
	printf("%s packets %" PRIu64 " bytes %" PRIu64 " lost %" PRIu64 " queue-full %" PRIu64
	       " own-drops %" PRIu64 " late %" PRIu64 " worst-ms %.3f\n",
	       name, w->packets, w->wire_bytes, w->lost, w->queue_full,
	       w->ring_full + w->refused + overrun(sender), w->late, (double)w->worst_ns / 1e6);
}

static void
on_signal(int number)
{
	(void)number;
	ending = 1;
}

/* Blocked but in ppoll(), so that none comes between the question and the sleep. */
static sigset_t
catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t blocked, before;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	sigdelset(&before, SIGTERM);
	sigdelset(&before, SIGINT);
	return before;
}

static double
number(const char *text, double least, double most, const char *what)
{
	char *end;
	double x = strtod(text, &end);

	if (end == text || *end != '\0' || !(x >= least && x <= most))
		die("'%s' is not %s from %g to %g", text, what, least, most);
	return x;
}

int
main(int argc, char **argv)
{
	struct sched_param priority = {.sched_priority = 1};
	struct link l = {0};
	sigset_t unblocked;
	int netns[2], tun[2];

	if (argc != 7)
		die("usage: link RATE DELAY QUEUE LOSS ADDRESS-A ADDRESS-B");
	l.ns_per_byte = 8000 / number(argv[1], 0.01, 100000, "Mbit/s");
	l.delay_ns = number(argv[2], 0, 10000, "a delay in ms") * 1e6;
	l.queue_ns = number(argv[3], 0.1, 10000, "a queue in ms") * 1e6;
	l.loss = number(argv[4], 0, 100, "percent") / 100;
	unblocked = catch_signals();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	for (int i = 0; i < 2; i++) {
		netns[i] = new_netns();
		tun[i] = new_tun(argv[5 + i], l.loss == 0);
	}
	for (int i = 0; i < 2; i++) {
		l.ways[i].in = tun[i];
		l.ways[i].out = tun[1 - i];
		ring_init(&l.ways[i], &l);
	}
	if (sched_setscheduler(0, SCHED_FIFO, &priority) != 0)
		fprintf(stderr, "link: no real-time priority: %s\n", strerror(errno));
	prctl(PR_SET_TIMERSLACK, 1);
	printf("up %d %d\n", netns[0], netns[1]);
	fflush(stdout);
	forward(&l, &unblocked);
	report("a-b", &l.ways[0], netns[0]);
	report("b-a", &l.ways[1], netns[1]);
	for (int i = 0; i < 2; i++)
		free(l.ways[i].ring);
	return fflush(stdout) != 0;
}

#include "src/server/operations.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/server/lent.h"
#include "src/server/metrics.h"
#include "src/server/status.h"
#include "src/server/supervisor_impl.h"

/* Without descriptors, or while another writer is at work. */
#define REST_MS 1000u

static int
watch_control(struct supervisor *s)
{
	s->operations.accept_again_ms = 0;
	if (s->options->control == NULL)
		return 0;
	return supervisor_watch(s, *s->options->control, EPOLLIN, EVENT_CONTROL, 0, 0);
}

int
operations_open(struct supervisor *s)
{
	struct operations *o = &s->operations;

	o->started_ms = clock_ms();
	for (size_t i = 0; i < CONTROL_READERS; i++)
		o->readers[i] = (struct control_reader){.fd = -1};
	if ((o->tally = tally_new()) == NULL)
		return FTX_E_NOMEM;
	return watch_control(s);
}

static void
end_helper(pid_t *pid)
{
	if (*pid > 0)
		kill(*pid, SIGKILL); /* reaped like everybody else */
	*pid = 0;
}

static void
forget_shares(struct operations *o)
{
	lent_free(o->seen, o->seen_count * sizeof(*o->seen));
	o->seen = NULL;
	o->seen_count = 0;
}

void
operations_close(struct supervisor *s)
{
	struct operations *o = &s->operations;

	end_helper(&o->share_watch);
	end_helper(&o->metrics_writer);
	forget_shares(o);
	for (size_t i = 0; i < CONTROL_READERS && o->started_ms != 0; i++)
		control_end(&o->readers[i]);
	tally_free(o->tally);
	o->tally = NULL;
}

/* Another policy, another watch. */
static void
start_share_watch(struct supervisor *s)
{
	const struct policy *policy = s->settings.policy;
	struct operations *o = &s->operations;
	size_t bytes = policy->share_count * sizeof(*o->seen);
	int r = FTX_E_NOMEM;

	end_helper(&o->share_watch);
	forget_shares(o);
	if (policy->share_count == 0)
		return;
	if ((o->seen = lent_new(bytes)) != NULL && (r = lent_lend(o->seen, bytes)) == 0) {
		o->seen_count = policy->share_count;
		o->share_watch = share_watch_start(policy, o->seen, s->options->key);
		lent_keep(o->seen, bytes);
		r = o->share_watch < 0 ? (int)o->share_watch : 0;
	}
	if (r == 0)
		return;
	log_error("cannot watch the shares error=%s", error_name(r));
	o->share_watch = 0; /* sessions say themselves what is offline */
}

void
operations_reloaded(struct supervisor *s)
{
	start_share_watch(s);
	s->operations.next_metrics_ms = s->settings.metrics_file != NULL ? clock_ms() : 0;
	s->operations.metrics_failed = false;
}

static void
count(struct peer *p, uint64_t now_ms)
{
	struct activity_seen seen;

	activity_look(p->activity, now_ms, &seen);
	tally_add(p->tally, &p->counted, &seen);
}

/* What sessions have moved until now goes to their clients' figures. */
static void
count_all(struct supervisor *s)
{
	uint64_t now_ms = clock_ms();

	for (size_t i = 0; i < MAX_PEERS; i++)
		if (s->peers.table[i].state == PEER_SESSION)
			count(&s->peers.table[i], now_ms);
}

/* A place for one more reader: a free one, or that of who has been there longest. */
static struct control_reader *
reader_place(struct operations *o)
{
	struct control_reader *place = &o->readers[0];

	for (size_t i = 0; i < CONTROL_READERS; i++) {
		if (o->readers[i].fd < 0)
			return &o->readers[i];
		if (o->readers[i].deadline_ms < place->deadline_ms)
			place = &o->readers[i];
	}
	control_end(place);
	return place;
}

static void
rest(struct supervisor *s)
{
	epoll_ctl(s->epoll, EPOLL_CTL_DEL, *s->options->control, NULL);
	s->operations.accept_again_ms = clock_ms() + REST_MS;
}

void
operations_accept(struct supervisor *s)
{
	int fd = accept4(*s->options->control, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct control_reader *reader;
	size_t number;

	if (fd < 0) {
		if (admission_lacks_room(errno) && !admission_make_room(s))
			rest(s);
		return; /* else the event comes again where somebody is there */
	}
	if (!control_is_allowed(fd)) {
		log_warning("somebody else than root and this user asked the control socket");
		close(fd);
		return;
	}
	reader = reader_place(&s->operations);
	reader->fd = fd;
	reader->deadline_ms = clock_ms() + CONTROL_TIME_MS;
	number = (size_t)(reader - s->operations.readers);
	if (page_init(&reader->page) != 0 ||
	    supervisor_watch(s, fd, EPOLLOUT, EVENT_READER, number, 0) != 0) {
		control_end(reader);
		return;
	}
	count_all(s);
	status_write(s, &reader->page);
	operations_go_on(s, number);
}

void
operations_go_on(struct supervisor *s, size_t number)
{
	struct control_reader *reader = &s->operations.readers[number];

	if (reader->fd >= 0 && control_send(reader) == 0)
		control_end(reader);
}

void
operations_session_began(struct supervisor *s, struct peer *p)
{
	p->began_ms = clock_ms();
	p->tally = tally_of(s->operations.tally, p->client);
	p->tally->sessions++;
}

void
operations_session_over(struct supervisor *s, struct peer *p)
{
	unsigned number = OPERATIONS_DIED;

	count(p, clock_ms());
	if (p->ended.type == PAIR_ENDED)
		number = (unsigned)-p->ended.ended_error;
	assert(number < OPERATIONS_ENDS);
	s->operations.ended[number]++;
}

const char *
operations_end_name(unsigned number)
{
	if (number == OPERATIONS_DONE)
		return "done";
	return number == OPERATIONS_DIED ? "died" : error_name(-(int)number);
}

bool
operations_reaped(struct supervisor *s, pid_t pid, int status)
{
	struct operations *o = &s->operations;

	if (pid == o->share_watch) {
		log_error("the watch of the shares died status=%d", status);
		o->share_watch = 0;
		forget_shares(o);
		return true;
	}
	if (pid != o->metrics_writer)
		return false;
	o->metrics_writer = 0;
	if (status != 0 && !o->metrics_failed)
		log_error("the metrics file cannot be written error=%s",
			  WIFEXITED(status) ? error_name(-WEXITSTATUS(status)) : "died");
	o->metrics_failed = status != 0;
	return true;
}

const struct share_seen *
operations_share(const struct supervisor *s, size_t number)
{
	return number < s->operations.seen_count ? &s->operations.seen[number] : NULL;
}

/* Starts a writer.  Its pid, or a negative error. */
static pid_t
start_writer(struct supervisor *s)
{
	struct page page;
	pid_t pid = page_init(&page);

	if (pid != 0)
		return pid;
	count_all(s);
	metrics_format(s, &page);
	pid = page.full ? FTX_E_TOO_LARGE
			: metrics_write(s->settings.metrics_file, &page, s->options->key);
	page_release(&page);
	return pid;
}

static void
write_metrics(struct supervisor *s, uint64_t now_ms)
{
	struct operations *o = &s->operations;
	pid_t pid = FTX_E_BUSY;

	o->next_metrics_ms = now_ms + METRICS_EVERY_MS;
	if (o->metrics_writer == 0) {
		pid = start_writer(s);
	} else if (now_ms - o->writing_since_ms < METRICS_EVERY_MS) {
		o->next_metrics_ms = now_ms + REST_MS; /* another one has only just begun */
		return;
	}
	if (pid > 0) {
		o->metrics_writer = pid;
		o->writing_since_ms = now_ms;
	} else if (!o->metrics_failed) {
		o->metrics_failed = true;
		log_error("the metrics file is not written error=%s", error_name((int)pid));
	}
}

void
operations_on_time(struct supervisor *s, uint64_t now_ms)
{
	struct operations *o = &s->operations;

	for (size_t i = 0; i < CONTROL_READERS; i++)
		if (o->readers[i].fd >= 0 && now_ms >= o->readers[i].deadline_ms)
			control_end(&o->readers[i]);
	if (o->accept_again_ms != 0 && now_ms >= o->accept_again_ms)
		(void)watch_control(s); /* without memory there is no telling, and nothing else */
	if (o->next_metrics_ms == 0 || now_ms < o->next_metrics_ms)
		return;
	write_metrics(s, now_ms);
}

uint64_t
operations_next_ms(const struct supervisor *s)
{
	const struct operations *o = &s->operations;
	uint64_t next = o->next_metrics_ms != 0 ? o->next_metrics_ms : UINT64_MAX;

	if (o->accept_again_ms != 0 && o->accept_again_ms < next)
		next = o->accept_again_ms;
	for (size_t i = 0; i < CONTROL_READERS; i++)
		if (o->readers[i].fd >= 0 && o->readers[i].deadline_ms < next)
			next = o->readers[i].deadline_ms;
	return next;
}

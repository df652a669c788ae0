#include "src/client/lookup.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/errors.h"
#include "src/base/clock.h"

/* One question, of two: the thread that asks it, and who waits for that. */
struct question {
	atomic_uint holders; /* the last one frees it */
	char *host;
	char service[8];
	struct addrinfo hints;

	/* Of the thread, before it tells. */
	struct addrinfo *list;
	int result, errnum;
	struct cancel answered; /* requested: by the thread, when it has the answer */
};

/*
 * One that was not waited for any longer, or NULL.  Whoever tries again every few seconds what a
 * resolver takes minutes for would otherwise have many threads, and never an answer.
 */
static struct question *late;
static pthread_mutex_t late_lock = PTHREAD_MUTEX_INITIALIZER;

static void
question_drop(struct question *q)
{
	if (q == NULL || atomic_fetch_sub(&q->holders, 1) > 1)
		return;
	if (q->list != NULL)
		freeaddrinfo(q->list);
	cancel_release(&q->answered);
	free(q->host);
	free(q);
}

static struct question *
question_new(const struct dial_options *o)
{
	struct question *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	atomic_init(&q->holders, 1);
	q->answered.fd = -1;
	q->host = strdup(o->host);
	snprintf(q->service, sizeof(q->service), "%u", (unsigned)o->port);
	q->hints = (struct addrinfo){.ai_family = o->family, .ai_socktype = SOCK_STREAM};
	if (q->host != NULL && cancel_init(&q->answered) == 0)
		return q;
	question_drop(q);
	return NULL;
}

static void *
ask(void *arg)
{
	struct question *q = arg;

	errno = 0;
	q->result = getaddrinfo(q->host, q->service, &q->hints, &q->list);
	q->errnum = errno;
	if (q->result != 0)
		q->list = NULL;
	cancel_request(&q->answered);
	question_drop(q);
	return NULL;
}

/* 0 or an errno.  Signals are for those who can end what they are doing. */
static int
ask_beside(struct question *q)
{
	sigset_t all, before;
	pthread_t thread;
	int errnum;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	atomic_fetch_add(&q->holders, 1);
	errnum = pthread_create(&thread, NULL, ask, q);
	if (errnum == 0)
		pthread_detach(thread);
	else
		atomic_fetch_sub(&q->holders, 1);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return errnum;
}

/* The one that is late, if it is the same and may still be answered well; else NULL. */
static struct question *
take_late(const struct dial_options *o)
{
	char service[sizeof(late->service)];
	struct question *q;

	snprintf(service, sizeof(service), "%u", (unsigned)o->port);
	pthread_mutex_lock(&late_lock);
	q = late;
	late = NULL;
	pthread_mutex_unlock(&late_lock);
	if (q == NULL || (strcmp(q->host, o->host) == 0 && strcmp(q->service, service) == 0 &&
			  q->hints.ai_family == o->family &&
			  !(cancel_requested(&q->answered) && q->result != 0)))
		return q;
	question_drop(q);
	return NULL;
}

static void
leave_late(struct question *q)
{
	struct question *before;

	pthread_mutex_lock(&late_lock);
	before = late;
	late = q;
	pthread_mutex_unlock(&late_lock);
	question_drop(before);
}

/* Takes the answer of a question that has one. */
static int
take_answer(struct addrinfo **list, struct question *q, struct problem *p)
{
	char reason[128];

	assert(cancel_requested(&q->answered)); /* what the thread wrote before that is seen */
	if (q->result == 0) {
		*list = q->list;
		q->list = NULL;
		return 0;
	}
	return problem_set(p, FTX_E_NETWORK, SIDE_NETWORK, "%s: %s", q->host,
			   q->result == EAI_SYSTEM ? strerror_r(q->errnum, reason, sizeof(reason))
						   : gai_strerror(q->result));
}

/* Takes q. */
static int
await(struct addrinfo **list, struct question *q, const struct dial_options *o, struct problem *p)
{
	int r = cancel_poll(o->cancel, q->answered.fd, POLLIN, clock_ms() + o->lookup_ms);

	if (r == 1) {
		r = take_answer(list, q, p);
	} else if (r == 0) {
		leave_late(q);
		return problem_set(p, FTX_E_TIMEOUT, SIDE_NETWORK,
				   "%s: no answer from the name server", o->host);
	} else if (r == FTX_E_INTERRUPTED) {
		problem_set(p, r, SIDE_LOCAL, NULL);
	} else {
		problem_local(p, r, errno);
	}
	question_drop(q);
	return r;
}

/* Of a number nobody has to be asked. */
static bool
is_number(struct addrinfo **list, const struct dial_options *o)
{
	const struct addrinfo hints = {.ai_family = o->family,
				       .ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	char service[8];

	snprintf(service, sizeof(service), "%u", (unsigned)o->port);
	return getaddrinfo(o->host, service, &hints, list) == 0;
}

int
lookup(struct addrinfo **list, const struct dial_options *o, struct problem *p)
{
	struct question *q;
	int errnum;

	if (is_number(list, o))
		return 0;
	q = take_late(o);
	if (q == NULL) {
		if ((q = question_new(o)) == NULL)
			return problem_nomem(p);
		if ((errnum = ask_beside(q)) != 0) {
			question_drop(q);
			return problem_local(p, error_from_errno(errnum), errnum);
		}
	}
	return await(list, q, o, p);
}

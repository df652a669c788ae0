/* Names whose name server is silent, and what comes of it when it speaks at last. */
#include "src/client/lookup.h"

#include "tests/harness/unit.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "proto/errors.h"
#include "src/client/connect.h"

#define LONG_MS	 60000u
#define SHORT_MS 20u

/* The name server of all that ends in ".test". */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned asked, answers; /* it gives so many answers, and is silent then */
	int result;
	unsigned over;
	bool unblocked;		     /* a signal could have come to a thread that asked */
	struct cancel *asked_cancel; /* requested when it is asked, unless NULL */
} names = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
	    struct addrinfo **list)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	const char *end = strrchr(host, '.');
	unsigned number;
	sigset_t blocked;
	int result;

	*(void **)&real = dlsym(RTLD_NEXT, __func__);
	if (end == NULL || strcmp(end, ".test") != 0 || (hints->ai_flags & AI_NUMERICHOST) != 0)
		return real(host, service, hints, list);
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	pthread_mutex_lock(&names.lock);
	names.unblocked |= sigismember(&blocked, SIGINT) == 0;
	number = names.asked++;
	if (names.asked_cancel != NULL)
		cancel_request(names.asked_cancel);
	while (number >= names.answers)
		pthread_cond_wait(&names.changed, &names.lock);
	result = names.result != 0 ? names.result : real("192.0.2.1", service, hints, list);
	names.over++;
	pthread_cond_broadcast(&names.changed);
	pthread_mutex_unlock(&names.lock);
	return result;
}

/* So many answers in all, from now on; and all of them are given. */
static void
answer(unsigned count, int result)
{
	pthread_mutex_lock(&names.lock);
	names.answers = count;
	names.result = result;
	pthread_cond_broadcast(&names.changed);
	while (names.over < count && names.over < names.asked)
		pthread_cond_wait(&names.changed, &names.lock);
	pthread_mutex_unlock(&names.lock);
}

/* Until those that asked are gone. */
static void
await_threads(void)
{
	unsigned count;

	do {
		DIR *tasks = opendir("/proc/self/task");

		cr_assert(tasks != NULL);
		for (count = 0; readdir(tasks) != NULL; count++)
			;
		closedir(tasks);
		poll(NULL, 0, 1);
	} while (count > 3); /* itself, . and .. */
}

static struct cancel cancel;
static struct problem problem;

static int
look_up(const char *host, uint64_t ms)
{
	const struct dial_options o = {
	    .host = host, .port = 7389, .family = AF_INET, .lookup_ms = ms, .cancel = &cancel};
	struct addrinfo *list;
	int r;

	if (cancel.fd <= 0)
		cr_assert(cancel_init(&cancel) == 0);
	r = lookup(&list, &o, &problem);
	if (r == 0) {
		const struct sockaddr_in *a = (const void *)list->ai_addr;

		cr_expect(a->sin_port == htons(7389) && list->ai_socktype == SOCK_STREAM);
		cr_expect(list->ai_next == NULL);
		freeaddrinfo(list);
	}
	return r;
}

Test(client_lookup, a_number_asks_nobody)
{
	cr_expect(look_up("192.0.2.7", 0) == 0);
	cr_expect(names.asked == 0);
}

Test(client_lookup, an_answer_is_taken)
{
	answer(1, 0);
	cr_expect(look_up("files.test", LONG_MS) == 0);
	cr_expect(!names.unblocked, "a signal may come where nothing ends because of it");
}

Test(client_lookup, a_name_that_is_not_known_is_said)
{
	answer(1, EAI_NONAME);
	cr_expect(look_up("files.test", LONG_MS) == FTX_E_NETWORK);
	cr_expect(strstr(problem.text, "files.test: ") == problem.text);
	cr_expect(problem.side == SIDE_NETWORK);
}

Test(client_lookup, silence_is_interrupted, .timeout = 30)
{
	cr_assert(cancel_init(&cancel) == 0);
	names.asked_cancel = &cancel;
	cr_expect(look_up("files.test", LONG_MS) == FTX_E_INTERRUPTED);
	answer(1, 0);
	await_threads(); /* what nobody waited for is released */
}

Test(client_lookup, silence_ends_in_time_and_the_answer_is_taken_later)
{
	cr_expect(look_up("files.test", SHORT_MS) == FTX_E_TIMEOUT);
	cr_expect(problem.side == SIDE_NETWORK && problem.retryable);
	cr_expect(look_up("files.test", SHORT_MS) == FTX_E_TIMEOUT);
	answer(1, 0);
	cr_expect(look_up("files.test", LONG_MS) == 0);
	cr_expect(names.asked == 1, "asked %u times", names.asked);
}

Test(client_lookup, a_failure_that_came_late_is_not_the_answer, .timeout = 30)
{
	cr_expect(look_up("files.test", SHORT_MS) == FTX_E_TIMEOUT);
	answer(1, EAI_AGAIN);
	await_threads();
	answer(2, 0);
	cr_expect(look_up("files.test", LONG_MS) == 0);
	cr_expect(names.asked == 2, "asked %u times", names.asked);
}

Test(client_lookup, an_answer_is_of_what_was_asked)
{
	cr_expect(look_up("files.test", SHORT_MS) == FTX_E_TIMEOUT);
	cr_expect(look_up("other.test", SHORT_MS) == FTX_E_TIMEOUT);
	cr_expect(names.asked == 2, "asked %u times", names.asked);
	answer(2, 0);
}

Test(client_lookup, an_attempt_to_connect_waits_no_longer_than_for_an_answer)
{
	static const uint8_t key[KEY_BYTES] = {9};
	static struct server_info info;
	const struct connect_options o = {
	    .host = "files.test",
	    .port = 7389,
	    .family = AF_INET,
	    .server_key = key,
	    .identity = key,
	    .connection = {.cancel = &cancel, .timeout_ms = SHORT_MS},
	};
	struct connection *c = NULL;

	cr_assert(cancel_init(&cancel) == 0);
	cr_expect(connect_server(&c, &info, &o, &problem) == FTX_E_TIMEOUT);
	answer(1, 0);
}

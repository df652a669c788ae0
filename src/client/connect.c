#include "src/client/connect.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/address.h"
#include "src/client/bucket.h"
#include "src/client/dial.h"
#include "src/data/codec.h"
#include "src/secure/aead.h"

#define DIAL_MS		10000u /* for one address */
#define REPLY_MS	10000u /* for message 2; a server turns a silent client out after 5 s */
#define FIRST_DELAY_MS	1500u
#define MAX_DELAY_MS	15000u
#define SILENT_MS	15000u /* how long a peer without an answer is asked again */
#define ABSENT_ATTEMPTS 3u
#define MIN_WINDOW	65536

/* What an attempt that failed means for the next one. */
enum verdict {
	VERDICT_FINAL,	/* asking again changes nothing */
	VERDICT_AGAIN,	/* the network or the server may recover */
	VERDICT_ABSENT, /* nobody there: a few times */
	VERDICT_SILENT, /* no valid message 2: for a while */
};

static int
send_all(int fd, const struct cancel *cancel, const uint8_t *data, size_t length, uint64_t deadline)
{
	while (length > 0) {
		ssize_t n = send(fd, data, length, MSG_NOSIGNAL);

		if (n > 0) {
			data += n;
			length -= (size_t)n;
		} else if (errno == EAGAIN) {
			int r = cancel_poll(cancel, fd, POLLOUT, deadline);

			if (r <= 0)
				return r < 0 ? r : FTX_E_TIMEOUT;
		} else if (errno != EINTR) {
			return FTX_E_NETWORK;
		}
	}
	return 0;
}

/* FTX_E_CLOSED: the peer closed; FTX_E_NETWORK: it reset. */
static int
receive_all(int fd, const struct cancel *cancel, uint8_t *data, size_t length, uint64_t deadline)
{
	while (length > 0) {
		ssize_t n = recv(fd, data, length, 0);

		if (n > 0) {
			data += n;
			length -= (size_t)n;
		} else if (n == 0) {
			return FTX_E_CLOSED;
		} else if (errno == EAGAIN) {
			int r = cancel_poll(cancel, fd, POLLIN, deadline);

			if (r <= 0)
				return r < 0 ? r : FTX_E_TIMEOUT;
		} else if (errno != EINTR) {
			return FTX_E_NETWORK;
		}
	}
	return 0;
}

static int
server_key_problem(const struct connect_options *o, struct problem *p)
{
	char key[KEY_TEXT_CHARS + 1], key2[KEY_TEXT_CHARS + 1] = "";

	key_format(key, o->server_key);
	if (o->server_key2 != NULL)
		key_format(key2, o->server_key2);
	problem_set(p, FTX_E_SERVER_KEY, SIDE_REMOTE,
		    "%s did not answer as the holder of %s%s%s: wrong or changed key, or no ftxd",
		    o->host, key, o->server_key2 != NULL ? " or " : "", key2);
	problem_hint(p, "\"ftxd key\" on the server prints its key");
	return FTX_E_SERVER_KEY;
}

static int
lost_problem(int r, const struct connect_options *o, struct problem *p)
{
	const char *what = r == FTX_E_TIMEOUT  ? "no answer"
			   : r == FTX_E_CLOSED ? "the connection was closed"
					       : "the connection was reset";

	if (r == FTX_E_INTERRUPTED)
		return problem_set(p, r, SIDE_LOCAL, NULL);
	return problem_set(p, r, SIDE_NETWORK, "%s port %u: %s", o->host, (unsigned)o->port, what);
}

static int
start(struct handshake_client *h, const struct connect_options *o, uint8_t *hello)
{
	uint8_t mask = handshake_aead_mask();
	bool aes = (mask & 1u << AEAD_AES_256_GCM) != 0;

	return handshake_client_start(h, o->server_key, o->identity, mask,
				      aes ? AEAD_AES_256_GCM : AEAD_CHACHA20_POLY1305, hello);
}

/* Messages 1 to 3 over a connected socket. */
static int
shake_hands(int fd, const struct connect_options *o, struct session_keys *keys,
	    enum verdict *verdict, struct problem *p)
{
	uint8_t hello[HANDSHAKE_HELLO_BYTES], reply[HANDSHAKE_REPLY_BYTES],
	    finish[HANDSHAKE_FINISH_BYTES];
	const struct cancel *cancel = o->connection.cancel;
	uint64_t deadline =
	    clock_ms() +
	    (o->connection.timeout_ms < REPLY_MS ? o->connection.timeout_ms : REPLY_MS);
	struct handshake_client h;
	int r = start(&h, o, hello);

	*verdict = VERDICT_FINAL;
	if (r == FTX_E_SERVER_KEY) {
		server_key_problem(o, p);
		goto out;
	} else if (r != 0) {
		problem_set(p, r, SIDE_LOCAL, NULL);
		goto out;
	}
	r = send_all(fd, cancel, hello, sizeof(hello), deadline);
	aead_prepare(); /* while the reply is on its way */
	if (r == 0)
		r = receive_all(fd, cancel, reply, sizeof(reply), deadline);
	if (r != 0) {
		/* A reset is how a busy server turns one away; silence says nothing about keys
		 * either. */
		*verdict = r == FTX_E_NETWORK ? VERDICT_AGAIN : VERDICT_SILENT;
		if (*verdict == VERDICT_SILENT && r != FTX_E_INTERRUPTED)
			r = server_key_problem(o, p);
		else
			lost_problem(r, o, p);
		goto out;
	}
	r = handshake_client_finish(&h, reply, finish, keys);
	if (r == FTX_E_SERVER_KEY) {
		server_key_problem(o, p);
	} else if (r != 0) {
		problem_set(p, r, SIDE_REMOTE, NULL);
	} else if ((r = send_all(fd, cancel, finish, sizeof(finish), deadline)) != 0) {
		*verdict = VERDICT_AGAIN;
		lost_problem(r, o, p);
	}
out:
	handshake_client_wipe(&h);
	return r;
}

static int
take_welcome(void *arg, const struct message *m)
{
	struct server_info *info = arg;

	if (m->type != MESSAGE_WELCOME)
		return 0;
	if (m->welcome.unanswered < LIMIT_UNANSWERED_LEAST)
		return FTX_E_PROTOCOL;
	info->codecs = m->welcome.codecs;
	info->unanswered = m->welcome.unanswered;
	info->share_count = m->welcome.shares.count; /* at most LIMIT_SHARES: messages.def */
	for (unsigned i = 0; i < info->share_count; i++) {
		const struct share *from = &m->welcome.shares.items[i];
		struct server_share *to = &info->shares[i];

		if (!share_name_ok((const char *)from->name.data, from->name.length))
			return FTX_E_PROTOCOL;
		memcpy(to->name, from->name.data, from->name.length);
		to->name[from->name.length] = '\0';
		to->rights = from->rights;
	}
	return 0;
}

static int
greet(struct connection *c, const struct connect_options *o, struct server_info *info,
      enum verdict *verdict, struct problem *p)
{
	struct message hello = {.type = MESSAGE_HELLO};
	struct reply reply = {.on_message = take_welcome, .arg = info};
	int r;

	memcpy(hello.hello.session_id, o->session_id, sizeof(o->session_id));
	hello.hello.stream = o->stream;
	hello.hello.codecs = CODEC_MASK_ALL;
	hello.hello.agent = span_of("ftx/" FTX_VERSION);
	r = connection_request(c, &hello, &reply);
	if (r == 0 && o->ask_early != NULL)
		(void)o->ask_early(o->arg, c); /* the answer to HELLO tells what is wrong */
	r = connection_answer(c, &reply);
	*p = reply.problem;
	*verdict = p->retryable ? VERDICT_AGAIN : VERDICT_FINAL;
	if (r == FTX_E_CLOSED || r == FTX_E_NETWORK)
		lost_problem(r, o, p);
	if (r == FTX_E_KEY_REFUSED) {
		uint8_t public_key[KEY_BYTES];
		char key[KEY_TEXT_CHARS + 1];

		key_public(public_key, o->identity);
		key_format(key, public_key);
		problem_hint(p, "our key is %s; the server's administrator has to add it", key);
	}
	return r;
}

/*
 * A limit on what is received binds only our reading: without this the kernel would take in many
 * megabytes at full speed first.  Half a second of flow is enough for any round trip.
 */
static void
clamp_window(int fd, const struct connection_options *o)
{
	int window;

	if (o->bucket == NULL || o->limit_sending || o->bucket->rate == 0 ||
	    o->bucket->rate / 2 > INT_MAX)
		return;
	window = o->bucket->rate / 2 > MIN_WINDOW ? (int)(o->bucket->rate / 2) : MIN_WINDOW;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &window, sizeof(window));
}

static int
attempt(struct connection **out, struct server_info *info, const struct connect_options *o,
	enum verdict *verdict, struct problem *p)
{
	const struct dial_options to = {.host = o->host,
					.port = o->port,
					.family = o->family,
					.timeout_ms = DIAL_MS,
					.cancel = o->connection.cancel};
	struct session_keys keys;
	struct connection *c = NULL;
	bool absent;
	int fd;
	int r = dial(&fd, &to, &absent, p);

	if (r != 0) {
		*verdict = absent ? VERDICT_ABSENT : VERDICT_AGAIN;
		return r;
	}
	clamp_window(fd, &o->connection);
	r = shake_hands(fd, o, &keys, verdict, p);
	if (r == 0) {
		c = connection_new(fd, &keys, &o->connection);
		session_keys_wipe(&keys);
		if (c == NULL)
			r = problem_nomem(p);
	}
	if (c == NULL) {
		close(fd);
		return r;
	}
	r = greet(c, o, info, verdict, p);
	if (r == 0) {
		connection_set_window(c, info->unanswered);
		*out = c;
	} else {
		connection_free(c);
	}
	return r;
}

/*
 * Is the other of two keys to be tried at once?  A key stays until it was not proved: a server that
 * turns us away for now has said nothing about it.
 */
static bool
change_key(struct connect_options *o, unsigned *unproved)
{
	const uint8_t *key = o->server_key;

	if (o->server_key2 == NULL)
		return false;
	o->server_key = o->server_key2;
	o->server_key2 = key;
	return ++*unproved % 2 == 1;
}

int
connect_server(struct connection **out, struct server_info *info, const struct connect_options *o,
	       struct problem *p)
{
	struct connect_options with = *o; /* the key to be proved first */
	unsigned unproved = 0;
	uint64_t begun = clock_ms();
	uint64_t delay = FIRST_DELAY_MS;
	unsigned absent = 0;

	for (;;) {
		enum verdict verdict = VERDICT_FINAL;
		uint64_t limit = o->retry_for_ms;
		int r = attempt(out, info, &with, &verdict, p);

		if (r == FTX_E_SERVER_KEY && change_key(&with, &unproved))
			continue;
		if (r == FTX_E_SERVER_KEY)
			server_key_problem(o, p); /* both keys, in their order */
		if (r == 0 || r == FTX_E_INTERRUPTED || verdict == VERDICT_FINAL)
			return r;
		/* The server has no room for one more: that is no reason to wait. */
		if (r == FTX_E_BUSY && o->spare)
			return r;
		if (verdict == VERDICT_ABSENT && ++absent == ABSENT_ATTEMPTS)
			return r;
		if (verdict == VERDICT_SILENT && limit > SILENT_MS)
			limit = SILENT_MS;
		if (clock_ms() + delay - begun > limit)
			return r;
		if (o->on_retry != NULL)
			o->on_retry(o->arg, p, delay);
		if (cancel_poll(o->connection.cancel, -1, 0, clock_ms() + delay) != 0)
			return problem_set(p, FTX_E_INTERRUPTED, SIDE_LOCAL, NULL);
		delay = 2 * delay < MAX_DELAY_MS ? 2 * delay : MAX_DELAY_MS;
	}
}

#include "src/client/connect_impl.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/version.h"
#include "src/client/address.h"
#include "src/client/bucket.h"
#include "src/client/dial.h"
#include "src/data/codec.h"
#include "src/secure/aead.h"
#include "src/secure/channel.h"

#define DIAL_MS	   10000u /* for one address, at most */
#define REPLY_MS   10000u /* for message 2; a server turns a silent client out after 5 s */
#define MIN_WINDOW 65536

const struct cancel *
connect_cancel(const struct connect_options *o)
{
	return o->until_connected != NULL ? o->until_connected : o->connection.cancel;
}

/* --timeout, or what is enough for this where that is less. */
static uint64_t
shorter_timeout(const struct connect_options *o, uint64_t enough_ms)
{
	return o->connection.timeout_ms < enough_ms ? o->connection.timeout_ms : enough_ms;
}

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

int
connect_key_problem(const struct connect_options *o, struct problem *p)
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
	enum aead_id preferred =
	    (mask & 1u << AEAD_AES_256_GCM) != 0 ? AEAD_AES_256_GCM : AEAD_CHACHA20_POLY1305;

	if (o->invite != NULL)
		return handshake_client_join(h, o->server_key, o->identity, o->invite, mask,
					     preferred, hello);
	return handshake_client_start(h, o->server_key, o->identity, mask, preferred, hello);
}

/* Messages 1 to 3 over a connected socket. */
static int
shake_hands(int fd, const struct connect_options *o, struct session_keys *keys,
	    enum verdict *verdict, struct problem *p)
{
	uint8_t hello[HANDSHAKE_HELLO_BYTES], reply[HANDSHAKE_REPLY_BYTES],
	    finish[HANDSHAKE_FINISH_BYTES];
	const struct cancel *cancel = connect_cancel(o);
	uint64_t deadline = clock_ms() + shorter_timeout(o, REPLY_MS);
	struct handshake_client h;
	int r = start(&h, o, hello);

	*verdict = VERDICT_FINAL;
	if (r == FTX_E_SERVER_KEY) {
		connect_key_problem(o, p);
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
			r = connect_key_problem(o, p);
		else
			lost_problem(r, o, p);
		goto out;
	}
	r = handshake_client_finish(&h, reply, finish, keys);
	if (r == FTX_E_SERVER_KEY) {
		*verdict = VERDICT_DISPROVED;
		connect_key_problem(o, p);
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

/* Whatever clock a server claims to have. */
static int64_t
milliseconds_ahead(int64_t seconds, uint32_t ns)
{
	struct timespec now;
	int64_t ahead;

	clock_gettime(CLOCK_REALTIME, &now);
	if (__builtin_sub_overflow(seconds, (int64_t)now.tv_sec, &ahead) ||
	    __builtin_mul_overflow(ahead, 1000, &ahead) ||
	    __builtin_add_overflow(ahead, ((int64_t)ns - now.tv_nsec) / 1000000, &ahead))
		return seconds < 0 ? INT64_MIN : INT64_MAX;
	return ahead;
}

static void
take_client(struct server_info *info, const struct message *m)
{
	/* At most LIMIT_SHARE_BYTES: messages.def. */
	if (m->welcome.client.length > 0)
		memcpy(info->client, m->welcome.client.data, m->welcome.client.length);
	info->client[m->welcome.client.length] = '\0';
	info->clock_ahead_ms = milliseconds_ahead(m->welcome.time_s, m->welcome.time_ns);
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
	take_client(info, m);
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
	hello.hello.agent = span_of(version_agent);
	r = connection_request(c, &hello, &reply);
	if (r == 0 && o->ask_early != NULL)
		(void)o->ask_early(o->arg, c); /* the answer to HELLO tells what is wrong */
	r = connection_answer(c, &reply);
	*p = reply.problem;
	*verdict = p->retryable ? VERDICT_AGAIN : VERDICT_FINAL;
	if (r == FTX_E_CLOSED || (r == FTX_E_NETWORK && !connection_is_damaged(c)))
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

/* The connection that is asked for, over a socket that it takes. */
static int
open_session(struct aim *aim, int fd, const struct session_keys *keys,
	     const struct connect_options *o, enum verdict *verdict, struct problem *p)
{
	struct connection_options meanwhile = o->connection;
	struct connection *c;
	int r;

	meanwhile.cancel = connect_cancel(o);
	c = connection_new(fd, keys, &meanwhile);

	if (c == NULL) {
		close(fd);
		return problem_nomem(p);
	}
	r = greet(c, o, aim->info, verdict, p);
	if (r != 0) {
		connection_free(c);
		return r;
	}
	connection_set_window(c, aim->info->unanswered);
	connection_set_cancel(c, o->connection.cancel);
	*aim->connection = c;
	return 0;
}

/* Why the server has not entered our key. */
static int
refusal_problem(int error, struct problem *p)
{
	problem_set(p, error, SIDE_REMOTE, NULL);
	if (error == FTX_E_INVITE_USED)
		problem_hint(p, "if that was not you, tell the server's administrator at once: "
				"somebody else has the code; ask for another one");
	else if (error == FTX_E_INVITE_EXPIRED || error == FTX_E_INVITE_UNKNOWN)
		problem_hint(p, "ask the server's administrator for another one");
	else if (error == FTX_E_KEY_REFUSED)
		problem_hint(p, "its administrator has disabled this client, or it may not come "
				"from here");
	else if (error == FTX_E_EXISTS)
		problem_hint(p, "this key is another client's there already: use a key of its own, "
				"-i FILE");
	else if (error == FTX_E_CONFIG)
		problem_hint(p, "the server's configuration is wrong at the moment; run the same "
				"again when its administrator has mended it");
	return error;
}

/* The one record that answers an invite.  0, or an error in p. */
static int
take_answer(struct aim *aim, const uint8_t *plain, size_t length, enum verdict *verdict,
	    struct problem *p)
{
	static struct message_arena arena;
	struct message m;
	int error = FTX_E_PROTOCOL;

	*verdict = VERDICT_FINAL;
	if (message_decode(&m, &arena, plain, length) != 0)
		return problem_set(p, error, SIDE_REMOTE, NULL);
	if (m.type == MESSAGE_JOINED &&
	    share_name_ok((const char *)m.joined.client.data, m.joined.client.length)) {
		memcpy(aim->client, m.joined.client.data, m.joined.client.length);
		aim->client[m.joined.client.length] = '\0';
		return 0;
	}
	if (m.type == MESSAGE_CLOSE && m.close.code != 0)
		error = error_from_wire(m.close.code);
	if (m.type == MESSAGE_CLOSE && m.close.retryable != 0)
		*verdict = VERDICT_AGAIN;
	return refusal_problem(error, p);
}

/* What the server makes of the invite that was proved, over a socket that it takes. */
static int
await_answer(struct aim *aim, int fd, const struct session_keys *keys,
	     const struct connect_options *o, enum verdict *verdict, struct problem *p)
{
	uint64_t deadline = clock_ms() + o->connection.timeout_ms;
	struct channel *ch = channel_new(fd, keys, CHANNEL_CLIENT);
	uint8_t *plain;
	size_t length;
	int r;

	if (ch == NULL) {
		close(fd);
		return problem_nomem(p);
	}
	*verdict = VERDICT_AGAIN;
	while ((r = channel_receive(ch, SIZE_MAX, &plain, &length, NULL)) == 0) {
		r = cancel_poll(connect_cancel(o), fd, POLLIN, deadline);
		if (r <= 0) {
			r = r < 0 ? r : FTX_E_TIMEOUT;
			break;
		}
	}
	if (r == 1) {
		r = take_answer(aim, plain, length, verdict, p);
	} else if (r == FTX_E_CLOSED) {
		/* As who does not know the invite does, but also who has just died. */
		*verdict = VERDICT_UNPROVED;
		r = refusal_problem(FTX_E_INVITE_UNKNOWN, p);
	} else {
		lost_problem(r, o, p);
	}
	channel_free(ch);
	return r;
}

int
connect_attempt(struct aim *aim, const struct connect_options *o, enum verdict *verdict,
		struct problem *p)
{
	const struct dial_options to = {.host = o->host,
					.port = o->port,
					.family = o->family,
					.lookup_ms = o->connection.timeout_ms,
					.timeout_ms = shorter_timeout(o, DIAL_MS),
					.cancel = connect_cancel(o)};
	struct session_keys keys;
	bool absent;
	int fd;
	int r = dial(&fd, &to, &absent, p);

	if (r != 0) {
		*verdict = absent ? VERDICT_ABSENT : VERDICT_AGAIN;
		return r;
	}
	clamp_window(fd, &o->connection);
	r = shake_hands(fd, o, &keys, verdict, p);
	if (r != 0)
		close(fd);
	else if (o->invite != NULL)
		r = await_answer(aim, fd, &keys, o, verdict, p);
	else
		r = open_session(aim, fd, &keys, o, verdict, p);
	session_keys_wipe(&keys);
	return r;
}

#include "tests/unit/client_lines.h"

#include "tests/harness/unit.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/errors.h"
#include "src/secure/channel.h"
#include "src/store/metadata.h"

struct listed
lines_one(const char *word, size_t length)
{
	struct listed line = {.kind = 0};
	struct attributes *a = &line.attributes;

	a->metadata.type = ENTRY_FILE;
	if (word[0] == '<') {
		line.kind = 1;
		a->metadata.type = ENTRY_DIRECTORY;
		word++;
		length--;
	} else if (length == 1 && word[0] == '!') {
		line.kind = 2;
		line.code = (uint16_t)-FTX_E_DENIED;
		length = 0;
	} else if (length > 1 && word[length - 1] == '/') {
		a->metadata.type = ENTRY_DIRECTORY;
		length--;
	} else if (word[length - 1] == '@') {
		a->metadata.type = ENTRY_SYMLINK;
		a->target = span_of("target");
		length--;
	}
	if (line.kind == 0 && length > 1 && word[length - 1] == '!') {
		a->metadata.type = a->metadata.type == ENTRY_DIRECTORY ? ENTRY_DIRECTORY : 0;
		line.code = (uint16_t)-FTX_E_VANISHED;
		length--;
	}
	line.path = (struct span){(const uint8_t *)word, length};
	return line;
}

uint64_t
lines_send(struct peer *p, const char *text)
{
	static struct listed lines[LIMIT_ENTRIES];
	struct message m = {.type = MESSAGE_ENTRIES};
	uint32_t count = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		lines[count++] = lines_one(text, length);
		text += length + (text[length] == ' ');
	}
	m.entries.lines.items = lines;
	m.entries.lines.count = count;
	peer_send(p, &m);
	return count;
}

void
lines_send_done(struct peer *p, uint64_t count)
{
	struct message m = {.type = MESSAGE_LIST_DONE};

	m.list_done.count = count;
	peer_send(p, &m);
}

bool
lines_until_next(struct peer *p)
{
	return peer_receive(p) && p->message.type == MESSAGE_LIST && peer_answer(p, MESSAGE_OK) &&
	       peer_receive(p) && p->message.type == MESSAGE_NEXT;
}

const char *lines_text, *lines_top;
int64_t lines_off;
bool lines_break_off;
int lines_most_parts = INT_MAX;

/* What of the text is said of a directory and what is below it, to be freed. */
static char *
text_of(const char *text, const char *directory)
{
	size_t length = strlen(directory), used = 0;
	char *out = calloc(1, strlen(text) + 1);
	bool inside = length == 0;

	cr_assert(out != NULL);
	while (*text != '\0') {
		size_t word = strcspn(text, " |"), cut = 0;

		if (*text == '<' && length > 0) {
			inside = word > length && strncmp(text + 1, directory, length) == 0 &&
				 (word == 1 + length || text[1 + length] == '/');
			cut = length + (word > 1 + length);
		}
		if (inside) {
			if (used > 0 && out[used - 1] != '|')
				out[used++] = ' ';
			if (cut > 0)
				out[used++] = '<';
			memcpy(out + used, text + (cut > 0) + cut, word - (cut > 0) - cut);
			used += word - (cut > 0) - cut;
			if (text[word] == '|')
				out[used++] = '|';
		}
		text += word + (text[word] != '\0');
	}
	while (used > 0 && out[used - 1] == '|')
		used--;
	out[used] = '\0';
	return out;
}

/* LIST was answered, and NEXT came. */
static bool
say(struct peer *p, const char *text)
{
	unsigned parts = p->message.next.parts;
	uint64_t count = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, "|");
		char *part = strndup(text, length);

		if (parts == 0) {
			peer_answer(p, MESSAGE_MORE);
			if (!peer_receive(p) || p->message.type != MESSAGE_NEXT) {
				free(part);
				return false;
			}
			parts = p->message.next.parts;
		}
		parts--;
		if (p->step++ == lines_most_parts) {
			free(part);
			shutdown(channel_fd(p->channel), SHUT_RDWR);
			return false;
		}
		count += lines_send(p, part);
		free(part);
		text += length + (text[length] == '|');
	}
	if (!lines_break_off)
		lines_send_done(p, (uint64_t)((int64_t)count + lines_off));
	return !lines_break_off;
}

/* The directory of lines_text that is asked for, to be freed. */
static char *
asked_for(const struct message_list *m)
{
	size_t top = lines_top != NULL ? strlen(lines_top) + 1 : m->path.length;

	if (top >= m->path.length)
		return strdup("");
	return strndup((const char *)m->path.data + top, m->path.length - top);
}

void
lines_say(struct peer *p)
{
	bool said = true;

	while (said && peer_receive(p) && p->message.type == MESSAGE_LIST) {
		char *directory = asked_for(&p->message.list);
		char *text = text_of(lines_text, directory);

		if (*text == '\0' && *directory != '\0')
			said = peer_error(p, FTX_E_NOT_FOUND) && peer_receive(p) &&
			       peer_error(p, FTX_E_NOT_FOUND);
		else
			said = peer_answer(p, MESSAGE_OK) && peer_receive(p) &&
			       p->message.type == MESSAGE_NEXT && say(p, text);
		free(directory);
		free(text);
	}
	peer_linger(p);
}
